package page

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// Drawing is the time axis with its lanes as SVG attributes: places across are per cent of the width, so that it fits any
// screen, places down are pixels.
type Drawing struct {
	Height, Floor int // of all, and of the lanes alone
	Lanes         []DrawnLane
	Bands         []Box
	Gaps          []Box
	Breaks        []Box
	Ticks         []DrawnTick
	Flags         []Pennant // over the lanes, where something was denied or failed
	Window        *Box      // the part that the page shows
	axis          *timeline.Axis
	drawn         *timeline.Drawing
}

// DrawnLane is one source's records.
type DrawnLane struct {
	Name   string
	Top    int
	TextY  int
	LineY  int
	Note   string
	Marks  []DrawnMark
	Bad    []DrawnMark // denied or failed: drawn above all others
	Source string
}

// DrawnMark is one record or a sum of several.
type DrawnMark struct {
	X, Width string
	Y, High  int
	Class    string
	Seq      uint64
	Title    string
	Thin     bool // too thin to be seen at a glance: drawn at a width of its own
}

// Pennant is a mark among the numbers of prompts.
type Pennant struct{ X, Class, Title, Href string }

// Box is a stretch of the axis.
type Box struct {
	X, Width string
	Middle   string
	Y, High  int
	Text     string
	Title    string
	Href     string
	Alt      bool
}

// DrawnTick is a time below the axis.
type DrawnTick struct {
	X, Text, Anchor string
	Minor           bool // left out on narrow screens
}

// Sizes in pixels.
const (
	headHigh = 18 // numbers of turns
	nameHigh = 15 // name of a lane
	rowHigh  = 9
	markHigh = 7
	sumHigh  = 22
	lanePad  = 7
	tickHigh = 18
)

// more stands for further steps under one pennant.
const more = "; and more"

// Shares of the width.
const (
	thinnest  = .0015 // of a moment
	thin      = .006  // below, what was denied or failed is drawn wider than it lasted
	pennants  = .009  // between two pennants
	labelRoom = .014  // between a number and a pennant
	tickRoom  = .07   // between two times below
)

// newDrawing lays out the steps from first to last.
func newDrawing(s *Session, first, last int, named bool) *Drawing {
	t := s.T
	d := &Drawing{drawn: t.Draw(first, last)}
	d.axis = d.drawn.Axis
	y := headHigh
	for _, l := range d.drawn.Lanes {
		if len(l.Marks) == 0 && !named {
			continue
		}
		y = d.lane(t, &l, y)
	}
	d.Floor = y
	flown := d.flag(s, first, last)
	labelled := -1.0 // where the last number stands
	for i, b := range d.drawn.Turns {
		turn := &t.Turns[b.Turn]
		box := d.box(b.From, max(b.To, b.From+.002))
		box.Alt = i%2 == 1
		if middle := beside((b.From+b.To)/2, flown); middle-labelled > .03 {
			box.Text, box.Middle, labelled = strconv.Itoa(turn.Number), percent(middle), middle
		}
		box.Href = "#turn-" + strconv.Itoa(b.Turn)
		box.Title = fmt.Sprintf("Prompt %d, %s", turn.Number, turn.Start.Format("2006-01-02 15:04:05"))
		d.Bands = append(d.Bands, box)
	}
	for _, g := range d.drawn.Gaps {
		box := d.box(g.From, g.To)
		if g.To-g.From < .006 { // to be seen at all
			box = d.box(max(0, g.To-.006), max(.006, g.To))
		}
		box.Title = gapText(&t.Gaps[g.Gap]).Text
		for i := range d.Lanes { // it is of the source that numbers its records
			if d.Lanes[i].Name == string(audit.SourceOTelLog) {
				box.Y, box.High = d.Lanes[i].Top+2, d.Lanes[i].LineY-d.Lanes[i].Top-4
			}
		}
		d.Gaps = append(d.Gaps, box)
	}
	for _, b := range d.axis.Breaks {
		box := d.box(b.From, b.To)
		box.Title = "no records for " + Duration(b.End.Sub(b.Start)) + ": not to scale"
		box.Text = Duration(b.End.Sub(b.Start).Round(time.Minute))
		d.Breaks = append(d.Breaks, box)
	}
	d.ticks(t)
	d.Height = d.Floor + tickHigh
	return d
}

func (d *Drawing) lane(t *timeline.Timeline, l *timeline.Lane, y int) int {
	seen := &t.Sources[l.Source]
	lane := DrawnLane{Name: string(seen.Source), Top: y, TextY: y + 11, Source: string(seen.Source)}
	top := y + nameHigh
	high := l.Rows * rowHigh
	if l.Summed {
		high = sumHigh
		lane.Note = "sums: more records than can be told apart"
	}
	for _, m := range l.Marks {
		item := &t.Items[m.Item]
		mark := DrawnMark{X: percent(m.From), Width: percent(math.Max(m.To-m.From, thinnest)), Y: top + m.Row*rowHigh, High: markHigh,
			Class: "mark " + markClass(item.Record, m.Outcome), Seq: item.Seq}
		if l.Summed {
			mark.High = 3 + int(math.Round(float64(sumHigh-3)*math.Log1p(float64(m.Count))/math.Log1p(float64(l.Highest))))
			mark.Y = top + sumHigh - mark.High
			mark.Title = fmt.Sprintf("%s around %s", plural(int64(m.Count), "record"), item.At.Format(time.TimeOnly))
		} else {
			mark.Title = fmt.Sprintf("record %d: %s at %s", item.Seq, Plain(timeline.ShortType(item.Record.Type)), item.At.Format("15:04:05.000"))
		}
		if bad(m.Outcome) {
			mark.Thin = m.To-m.From < thin
			lane.Bad = append(lane.Bad, mark)
			continue
		}
		lane.Marks = append(lane.Marks, mark)
	}
	d.Lanes = append(d.Lanes, lane)
	lane.LineY = top + high + lanePad/2
	d.Lanes[len(d.Lanes)-1].LineY = lane.LineY
	return top + high + lanePad
}

// markClass is how a record looks: what was denied or failed before what it is.
func markClass(r *audit.Record, o audit.Outcome) string {
	if bad(o) {
		return string(o)
	}
	switch r.Activity {
	case audit.ActivityPrompt, audit.ActivityResponse:
		return "words"
	case audit.ActivityModelRequest:
		return "request"
	case audit.ActivityToolDecision, audit.ActivityToolCall, audit.ActivityToolResult:
		return "tool"
	}
	return "other"
}

func bad(o audit.Outcome) bool { return o == audit.OutcomeDenied || o == audit.OutcomeFailure }

// flag marks where steps were denied or failed, and returns the places. Several that are close share one pennant.
func (d *Drawing) flag(s *Session, first, last int) []float64 {
	var at []float64
	for n := first; n < last; n++ {
		step := &s.T.Steps[n]
		outcome := step.Bad()
		if outcome == "" {
			continue
		}
		when := step.Start
		if step.Lead >= 0 {
			when = s.T.Items[step.Lead].At
		}
		x := d.axis.At(when)
		if i := near(at, x); i >= 0 {
			f := &d.Flags[i]
			f.Title = strings.TrimSuffix(f.Title, more) + more
			if outcome == audit.OutcomeDenied {
				f.Class = string(outcome)
			}
			continue
		}
		at = append(at, x)
		d.Flags = append(d.Flags, Pennant{X: percent(x), Class: string(outcome), Href: s.stepURL(n),
			Title: when.Format(time.TimeOnly) + " " + strings.TrimSpace(stepWord(step)+" "+Plain(step.Tool)) + ": " + Plain(step.Reason)})
	}
	return at
}

// near finds a pennant that stands so close that another would hide it.
func near(at []float64, x float64) int {
	return slices.IndexFunc(at, func(other float64) bool { return math.Abs(other-x) < pennants })
}

// beside moves a number away from a pennant that would hide it.
func beside(x float64, flown []float64) float64 {
	for _, f := range flown {
		if f-x < labelRoom && x-f < 2*labelRoom {
			return max(labelRoom/2, f-labelRoom)
		}
	}
	return x
}

func (d *Drawing) box(from, to float64) Box {
	return Box{X: percent(from), Width: percent(to - from), Middle: percent((from + to) / 2), Y: headHigh, High: d.Floor - headHigh}
}

// ticks labels round times; where the axis is not to scale, when each prompt was.
func (d *Drawing) ticks(t *timeline.Timeline) {
	span := d.axis.End.Sub(d.axis.Start)
	ticks := d.axis.Ticks(7)
	if prompts := d.prompts(t); len(d.axis.Breaks) > 0 && len(prompts) > 0 {
		ticks = prompts
	}
	day := ""
	for i, k := range ticks {
		format := "15:04:05"
		switch {
		case span < 3*time.Second:
			format = "05.000"
		case span < time.Minute:
			format = "15:04:05.0"
		case k.Time.Second() == 0 && span > 10*time.Minute:
			format = "15:04"
		}
		text := k.Time.Format(format)
		if is := k.Time.Format("Jan 2"); is != day && span > 18*time.Hour {
			text, day = is+" "+text, is
		}
		tick := DrawnTick{X: percent(k.At), Text: text, Anchor: "middle", Minor: i%2 == 1}
		switch {
		case k.At < .03:
			tick.Anchor = "start"
		case k.At > .97:
			tick.Anchor = "end"
		}
		d.Ticks = append(d.Ticks, tick)
	}
}

// prompts are the places and times of the prompts of the drawing, as far as labels have room beside each other.
func (d *Drawing) prompts(t *timeline.Timeline) []timeline.Tick {
	var list []timeline.Tick
	for _, b := range d.drawn.Turns {
		turn := &t.Turns[b.Turn]
		if turn.Number == 0 || turn.Start.Before(d.axis.Start) {
			continue
		}
		if at := d.axis.At(turn.Start); len(list) == 0 || at-list[len(list)-1].At >= tickRoom {
			list = append(list, timeline.Tick{Time: turn.Start, At: at})
		}
	}
	return list
}

// window marks what the page shows of the whole.
func (d *Drawing) window(t *timeline.Timeline, first, last int) {
	from, to := 1.0, 0.0
	for s := first; s < last; s++ {
		from, to = min(from, d.axis.At(t.Steps[s].Start)), max(to, d.axis.At(t.Steps[s].End))
	}
	if from <= to {
		box := d.box(from, max(to, from+.004))
		box.Y, box.High = 1, d.Floor-2
		d.Window = &box
	}
}

// percent is a place across, as an attribute.
func percent(x float64) string { return strconv.FormatFloat(math.Round(x*1e5)/1e3, 'f', -1, 64) + "%" }

// place is a place across for scripts.
func place(x float64) string { return strconv.FormatFloat(math.Round(x*1e5)/1e5, 'f', -1, 64) }
