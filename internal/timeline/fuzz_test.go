package timeline_test

import (
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// FuzzBuild makes records whose ids, times and numbers come from few values, so that they contradict each other.
func FuzzBuild(f *testing.F) {
	f.Add([]byte("prompt, decision, result"))
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 250, 251, 252, 253, 254, 255, 0, 0, 0, 0, 128, 127, 64, 3, 9, 27, 81, 243})
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b)
		}
		id := func() string {
			if n := next() % 7; n > 2 {
				return string(rune('a' + n))
			}
			return ""
		}
		sources := []audit.Source{audit.SourceOTelLog, audit.SourceOTelSpan, audit.SourceOTelMetric, audit.SourceGatewayLLM, "new", audit.SourceTripod}
		outcomes := []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeDenied, audit.OutcomeFailure, audit.OutcomeUnknown, ""}
		var entries []timeline.Entry
		var found []correlate.Discrepancy
		for len(data) > 0 && len(entries) < 200 {
			n := int64(next())
			at := noon.Add(time.Duration(next()) * time.Duration(1+next()*next()*next()) * time.Millisecond)
			if next() == 7 {
				at = time.Time{}
			}
			r := &audit.Record{Source: sources[next()%len(sources)], Activity: audit.Activities()[next()%len(audit.Activities())],
				Outcome: outcomes[next()%len(outcomes)], Occurred: at, Recorded: noon, Duration: int64(next()-9) << (next() % 56), Sequence: &n,
				Keys: audit.Keys{Prompt: id(), Request: id(), ToolUse: id(), Message: id(), Agent: id(), ParentAgent: id(), Trace: id(),
					Span: id(), ParentSpan: id(), Body: id()}}
			entries = append(entries, timeline.Entry{Seq: uint64(next()), Record: r})
			if next()%8 == 0 {
				found = append(found, correlate.Discrepancy{ID: id(), Kind: correlate.KindSequenceGap, State: correlate.StateOpen, Count: n,
					FirstSeq: uint64(next()), LastSeq: uint64(next()), From: at, To: at.Add(time.Duration(next()) * time.Second),
					Details: correlate.Details{Gaps: int64(next() % 2)}})
			}
		}
		got := timeline.Build(entries, found)
		check(t, got, len(entries))
		for i, g := range got.Gaps {
			if got.Steps[g.Step].Gap != i {
				t.Fatalf("gap %d is not at its step", i)
			}
		}
	})
}
