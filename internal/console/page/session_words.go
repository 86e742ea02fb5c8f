package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// stepWord says what a step is, in a word or two.
func stepWord(s *timeline.Step) string {
	switch s.Kind {
	case timeline.KindPrompt:
		return "Prompt"
	case timeline.KindRequest:
		return "Model request"
	case timeline.KindTool:
		return "Tool"
	case timeline.KindReply:
		return "Reply"
	case timeline.KindAgent:
		return "Sub-agent"
	case timeline.KindHook:
		return "Hooks"
	case timeline.KindGap:
		return "Gap"
	}
	return "Event"
}

// gapText says what was expected and not received: how much, which numbers, when.
func gapText(g *timeline.Gap) *GapText {
	var b strings.Builder
	fmt.Fprintf(&b, "expected, not received: %s", plural(g.Count, "event"))
	if len(g.Ranges) > 0 {
		b.WriteString(" (")
		if len(g.Ranges) == 1 && g.Ranges[0].First == g.Ranges[0].Last {
			fmt.Fprintf(&b, "number %d", g.Ranges[0].First)
		} else {
			b.WriteString("numbers ")
			for i, r := range g.Ranges {
				if i == 8 {
					b.WriteString(", …")
					break
				}
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(strconv.FormatInt(r.First, 10))
				if r.Last > r.First {
					fmt.Fprintf(&b, "–%d", r.Last)
				}
			}
		}
		b.WriteByte(')')
	}
	if g.Summed > 0 {
		fmt.Fprintf(&b, " in %s", plural(g.Summed, "gap"))
	}
	switch from, to := g.Start, g.End; {
	case !from.IsZero() && !to.IsZero():
		fmt.Fprintf(&b, " between %s and %s", clock(from, to), clock(to, from))
	case !to.IsZero():
		fmt.Fprintf(&b, " before %s", clock(to, time.Time{}))
	}
	return &GapText{ID: g.ID, Text: b.String(), Provisional: g.Provisional, Summed: g.Summed > 0}
}

func plural(n int64, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return Count(n) + " " + word + "s"
}

// clock is a time of day, as exact as needed to tell it from another one, with the day where that differs.
func clock(t, other time.Time) string {
	t, other = t.UTC(), other.UTC()
	format := time.TimeOnly
	if d := t.Sub(other).Abs(); d < 2*time.Second {
		format = "15:04:05.000"
	}
	if !other.IsZero() && (t.YearDay() != other.YearDay() || t.Year() != other.Year()) {
		format = "2006-01-02 " + format
	}
	return t.Format(format)
}

// opening says what it would take to read content that is held.
const opening = "opening needs a purpose (not in this version)"

// Verdict is what policy answered about a step.
type Verdict struct{ timeline.Verdict }

// Stopped reports whether policy denied the step: then its verdict says why.
func (s *Step) Stopped() bool {
	return slices.ContainsFunc(s.Verdicts, func(v Verdict) bool { return v.Stopped })
}

// Says is what came of it, or would have.
func (v Verdict) Says() string {
	switch {
	case v.Stopped:
		return "denied"
	case v.Mode == "observe":
		return "would " + v.Effect
	case v.Effect == "flag":
		return "flagged"
	case v.Effect == "redact":
		return "redacted"
	}
	return v.Effect
}

// CountedBy says whose count the tokens are.
func (s *Session) CountedBy() string {
	switch u := &s.T.Usage; {
	case u.Gateway == 0:
		return "by the client's count"
	case u.Gateway == u.Requests:
		return "by the answers' count, as the gateway saw it"
	default:
		return "by the client's count; " + plural(int64(u.Gateway), "request") + " as the gateway saw it"
	}
}

// holdings draws what is known of content: held, by class, or withheld and by whom.
func holdings(c *timeline.Content) []Holding {
	var list []Holding
	held := func(sum timeline.Sum, class audit.Class) {
		if sum.Pieces == 0 {
			return
		}
		list = append(list, Holding{Held: true, Width: width(sum.Bytes), Text: "content held, " + Bytes(sum.Bytes) + " of " + string(class),
			Long: plural(int64(sum.Pieces), "piece") + "; " + opening})
	}
	held(c.Text, audit.ClassText)
	held(c.Detail, audit.ClassDetail)
	withheld := func(sum timeline.Sum, text, long string) {
		if sum.Pieces > 0 {
			list = append(list, Holding{Width: width(sum.Bytes), Text: text + ", " + Bytes(sum.Bytes), Long: long})
		}
	}
	withheld(c.Policy, "withheld by policy", "the capture policy keeps less than this here")
	withheld(c.Source, "withheld by the source", "the source was configured to send a placeholder")
	return list
}

// width is a size on a scale a reader can compare: ten times as much is one more.
func width(bytes int64) int {
	w := 1
	for n := bytes; n >= 10 && w < 6; n /= 10 {
		w++
	}
	return w
}

// Cost is what the client reckons it cost.
func Cost(micros int64) string {
	switch {
	case micros == 0:
		return "$0"
	case micros < 10_000:
		return fmt.Sprintf("$%.4f", float64(micros)/1e6)
	}
	return fmt.Sprintf("$%.2f", float64(micros)/1e6)
}

// Spent is what requests used, in a line.
type Spent struct{ timeline.Usage }

// Cost is the client's estimate.
func (s Spent) Cost() string { return Cost(s.CostMicros) }

// AtLeast is put before sums that lack requests whose use nobody told.
func (s Spent) AtLeast() string {
	if s.NotCounted > 0 {
		return "at least "
	}
	return ""
}

// Why says why there is more than the sums; "" where they are whole.
func (s Spent) Why() string {
	if s.NotCounted == 0 {
		return ""
	}
	return plural(int64(s.NotCounted), "more request") + " came without a count"
}

// In is what went into the model, what came from its cache included.
func (s Spent) In() string { return Count(s.Input + s.CacheRead + s.CacheCreation) }

// Out is what the model wrote.
func (s Spent) Out() string { return Count(s.Output) }

// Spent is what the whole session used.
func (s *Session) Spent() Spent { return Spent{s.T.Usage} }

// Spent is what the turn used.
func (t *Turn) Spent() Spent { return Spent{t.Usage} }

// Spent is what the step used.
func (s *Step) Spent() Spent { return Spent{s.Usage} }

// Took is how long the step lasted, "" for a moment.
func (s *Step) Took() string {
	if d := s.End.Sub(s.Start); d >= time.Millisecond {
		return Duration(d)
	}
	return ""
}

// Took is how long the turn lasted.
func (t *Turn) Took() string { return Duration(t.End.Sub(t.Start)) }

// Took is how long the session lasted, from the first record to the last.
func (s *Session) Took() string { return Duration(s.T.End.Sub(s.T.Start)) }

// Holdings are the bars of the whole session.
func (s *Session) Holdings() []Holding { return holdings(&s.T.Content) }

// Class is how deep a step lies.
func (s *Step) Class() string { return "d" + strconv.Itoa(min(s.Depth, 8)) }

// Records is how many records the session has.
func (s *Session) Records() int64 { return int64(len(s.T.Items)) }

// MoreThan is how many records were read of a session that has more.
func (s *Session) MoreThan() int64 { return int64(s.More) }

// Query finds the session's records.
func (s *Session) Query() string { return "session:" + search.Quote(s.ID) }
