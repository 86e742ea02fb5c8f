package fleet_test

import (
	"fmt"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
)

// identify names a log record by what a receiver can see of it.
func identify(l plog.LogRecord) string {
	m := l.Attributes()
	return fmt.Sprint(attr(m, "session.id"), " ", attr(m, "event.name"), " ", attr(m, "event.sequence"), " ", l.Timestamp().AsTime().UnixMilli(), " ", attr(m, "tool_use_id"), attr(m, "request_id"))
}

// TestEveryActOfADayArrives: what Expect says an act leaves is what History delivers, no more and no less.
func TestEveryActOfADayArrives(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	f, w := week(t, s, nil)
	from, to := monday, monday.AddDate(0, 0, 2)
	report, err := f.History(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Refused)+len(report.Lost) > 0 || report.Retries > 0 {
		t.Fatalf("refused %d, lost %d, retries %d", len(report.Refused), len(report.Lost), report.Retries)
	}
	got := map[string]int{}
	for _, l := range s.logs() {
		m := l.Attributes()
		got[key(audit.SourceOTelLog, attr(m, "event.name"), attr(m, "session.id"), l.Timestamp().AsTime().UnixMilli(), attr(m, "tool_use_id"), attr(m, "request_id"))]++
	}
	want := map[string]int{}
	missed := 0
	for _, a := range w.Between(from.AddDate(0, 0, -1), to) {
		for _, e := range fleet.Expect(&a, &w.Org) {
			if e.Source != audit.SourceOTelLog || e.At.Before(from) || !e.At.Before(to) {
				continue
			}
			if e.Missed {
				missed++
				continue
			}
			want[key(e.Source, e.Type, e.Keys.Session, e.At.UnixMilli(), e.Keys.ToolUse, e.Keys.Request)]++
		}
	}
	if len(want) < 1000 {
		t.Fatalf("only %d expected: the world is too quiet for this test", len(want))
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%s: arrived %d times, want %d", k, got[k], n)
		}
		delete(got, k)
	}
	for k := range got {
		t.Errorf("%s arrived and no act leaves it", k)
	}
	t.Logf("%d exports, %d records (%d events, %d spans, %d metrics), %d missed, %v", report.Exports, report.Records, report.Events, report.Spans, report.Metrics, missed, report.Elapsed)
}

func key(s audit.Source, kind, session string, ms int64, ids ...string) string {
	return fmt.Sprint(s, " ", kind, " ", session, " ", ms, " ", ids)
}
