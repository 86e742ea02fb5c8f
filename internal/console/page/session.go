package page

import (
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/timeline"
	"github.com/tripod-audit/tripod/internal/wording"
)

// Session is the page of one session.
type Session struct {
	Openables     []Openable // open grants that cover content of it
	Ask           string     // address of the form that asks for one; "" where that is not for who looks
	ID            string
	Also          []string // other ids by which sources know it
	T             *timeline.Timeline
	Discrepancies []correlate.Discrepancy // open ones first
	Closed        int                     // of them closed by late data
	Unreadable    string                  // records that cannot be shown
	Without       string                  // why discrepancies are not known
	More          int                     // the session has more records than these, which are the oldest
	Behind        uint64                  // records the search view has yet to take in

	Asserted, Proved []timeline.Identifier
	Owners           []timeline.Owner // whose session it is
	OwnersLeft       int              // more of them
	Credentials      []string
	Devices          []string // where no credential has a name
	Quiet            []string // sources that deliver and told nothing of this session
	Absent           []string // sources that are not connected, as far as the journal tells

	Whole  *Drawing // all of a session that is shown in several pages; nil where it fits one
	Axis   *Drawing
	Turns  []Turn
	Pages  []Link // of a session that does not fit one page
	Older  string // address of the page before, "" for none
	Newer  string
	Total  int // records on this page
	Of     int // steps shown on this page, and of how many
	Steps  int
	Single bool // all on this page

	FirstDenied, FirstFailed string // addresses of steps, "" where there is none
	BadBefore, BadBehind     string // of the nearest denied or failed steps on other pages

	first   int              // step of the page
	bySpans []*timeline.Step // steps known from spans alone, once asked for
}

// Turn is one turn as far as the page shows it.
type Turn struct {
	*timeline.Turn
	Anchor    string
	Continued bool   // began on an earlier page
	Goes      bool   // goes on on a later one
	Summary   string // in words, of what belongs to no prompt
	Folded    bool   // shown by its summary until somebody asks
	Blocks    []Block
}

// Block is a step, or several that overlapped in time and stand side by side.
type Block struct {
	Side  bool
	Steps []Step
}

// Step is one step as the page shows it.
type Step struct {
	*timeline.Step
	Anchor   string
	Word     string   // "asked", "allowed" …: what it is
	Says     string   // what was done, where no other words do
	Gap      *GapText // of a gap
	Holding  []Holding
	Records  []RecordChip
	Href     string // of the record that says most
	Problems []string
	Verdicts []Verdict // in words

	HookSeq uint64 // of the record of the hooks that refused it, 0 for none known
	Refused string // of hooks: address of the tool use they refused
	Called  string // its tool
}

// RecordChip is one record of a step.
type RecordChip struct {
	Seq     uint64
	Source  string
	Type    string
	At      string // place on the axis, in thousandths
	Time    time.Time
	Outcome string
}

// Holding is a bar for content that is held or withheld.
type Holding struct {
	Held  bool
	Width int // 1 to 6, by size
	Text  string
	Long  string
}

// GapText puts a gap into words.
type GapText struct {
	ID          string // of the discrepancy
	Text        string
	Spans       string // what spans tell of the time in it, "" for nothing
	Provisional bool
	Summed      bool
}

// PerPage is how many steps one page shows.
const PerPage = 200

// Days says that times need their day: the session lasted over a midnight.
func (s *Session) Days() bool {
	return s.T.Start.Format(time.DateOnly) != s.T.End.Format(time.DateOnly)
}

// Fill lays out the steps from first on.
func (s *Session) Fill(first int) {
	t := s.T
	s.Steps = len(t.Steps)
	first = max(0, min(first, s.Steps-1))
	first -= first % PerPage
	last := min(first+PerPage, s.Steps)
	s.Single = s.Steps <= PerPage
	s.Of, s.first = last-first, first
	s.addBad()
	s.Axis = newDrawing(s, first, last, true)
	if !s.Single {
		s.Whole = newDrawing(s, 0, s.Steps, false)
		s.Whole.window(t, first, last)
		s.pages(first)
	}
	for n := range t.Turns {
		turn := &t.Turns[n]
		from, to := max(turn.First, first), min(turn.Last, last)
		if from >= to {
			continue
		}
		shown := Turn{Turn: turn, Anchor: "turn-" + strconv.Itoa(n), Continued: from > turn.First, Goes: to < turn.Last}
		if turn.Number == 0 && !turn.Gap {
			shown.Summary, shown.Folded = t.Summary(turn), t.Folds(turn)
		}
		for i := from; i < to; {
			end := i + 1
			for t.Steps[i].Group > 0 && end < to && t.Steps[end].Group == t.Steps[i].Group {
				end++
			}
			b := Block{Side: end-i > 1}
			for j := i; j < end; j++ {
				b.Steps = append(b.Steps, s.step(j))
			}
			shown.Blocks = append(shown.Blocks, b)
			i = end
		}
		s.Turns = append(s.Turns, shown)
	}
}

func (s *Session) pages(first int) {
	at := func(n int) string { return sessionURLAt(s.ID, "from", strconv.Itoa(n)) }
	for n := 0; n < s.Steps; n += PerPage {
		s.Pages = append(s.Pages, Link{Name: strconv.Itoa(n/PerPage + 1), URL: at(n), Current: n == first,
			Title: "steps " + strconv.Itoa(n+1) + " to " + strconv.Itoa(min(n+PerPage, s.Steps))})
	}
	if first > 0 {
		s.Older = at(first - PerPage)
	}
	if first+PerPage < s.Steps {
		s.Newer = at(first + PerPage)
	}
	s.Pages = around(s.Pages, first/PerPage)
}

// around keeps the ends and what is near the current one; a link without an address stands for what was left out.
func around(pages []Link, current int) []Link {
	if len(pages) <= 12 {
		return pages
	}
	var kept []Link
	for i, p := range pages {
		switch {
		case i == 0, i == len(pages)-1, i >= current-3 && i <= current+3:
			kept = append(kept, p)
		case kept[len(kept)-1].URL != "":
			kept = append(kept, Link{Name: "…"})
		}
	}
	return kept
}

// step describes one step.
func (s *Session) step(n int) Step {
	t := s.T
	st := &t.Steps[n]
	shown := Step{Step: st, Anchor: stepAnchor(n), Word: stepWord(st), Holding: holdings(&st.Content)}
	if st.Gap >= 0 {
		shown.Gap = gapText(&t.Gaps[st.Gap])
		shown.Gap.Spans = s.spansIn(&t.Gaps[st.Gap])
		return shown
	}
	if st.Lead >= 0 {
		shown.Href, shown.Says = RecordURL(t.Items[st.Lead].Seq), wording.Deed(t.Items[st.Lead].Record)
	}
	if st.RefusedBy >= 0 {
		shown.HookSeq = t.Items[st.RefusedBy].Seq
	}
	if st.Refused >= 0 {
		refused := t.Items[st.Refused].Step
		shown.Refused, shown.Called = s.stepURL(refused), t.Steps[refused].Tool
	}
	for _, v := range st.Verdicts {
		shown.Verdicts = append(shown.Verdicts, Verdict{v})
	}
	for _, i := range st.Items {
		item := &t.Items[i]
		s.Total++
		shown.Records = append(shown.Records, RecordChip{Seq: item.Seq, Source: string(item.Record.Source), Type: timeline.ShortType(item.Record.Type),
			At: place(s.Axis.axis.At(item.At)), Time: item.At, Outcome: string(item.Record.Outcome)})
	}
	for _, id := range st.Discrepancies {
		for i := range s.Discrepancies {
			if s.Discrepancies[i].ID == id {
				shown.Problems = append(shown.Problems, s.Discrepancies[i].Statement)
			}
		}
	}
	return shown
}

// AddDiscrepancies takes those that stand, the most severe first, and counts the others.
func (s *Session) AddDiscrepancies(found []correlate.Discrepancy) {
	for _, severity := range []correlate.Severity{correlate.SeverityHigh, correlate.SeverityMedium, correlate.SeverityLow, ""} {
		for i := range found {
			d := &found[i]
			known := d.Severity == correlate.SeverityHigh || d.Severity == correlate.SeverityMedium || d.Severity == correlate.SeverityLow
			if d.State == correlate.StateOpen && (d.Severity == severity || severity == "" && !known) {
				s.Discrepancies = append(s.Discrepancies, *d)
			}
		}
	}
	s.Closed = len(found) - len(s.Discrepancies)
}

// AddSilent says which sources were silent: those of which the journal holds records of other sessions, and the others.
func (s *Session) AddSilent(deliver map[audit.Source]bool) {
	for _, source := range s.T.Silent {
		if deliver[source] {
			s.Quiet = append(s.Quiet, string(source))
		} else {
			s.Absent = append(s.Absent, string(source))
		}
	}
}
