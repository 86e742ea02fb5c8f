package compliance

import (
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/timeline"
)

// withoutIDs reports whether a session's client sends no ids of tool uses.
func withoutIDs(entries []timeline.Entry) bool {
	return !slices.ContainsFunc(entries, func(e timeline.Entry) bool {
		return e.Record.Source == audit.SourceOTelLog && e.Record.Keys.ToolUse != ""
	})
}

// gatewayJoins holds sessions that the gateway saw, too, against what their clients told: nothing counts twice, every model
// request of one has the other's records, and what is known by the gateway's word alone is what no client could tell.
func gatewayJoins(t *testing.T, r *app.Reading) {
	t.Helper()
	sessions, requests, both, stopped, gone := 0, 0, 0, 0, 0
	for id := range clients(t, r, "claude_code") {
		s, all := read(t, r, id)
		var rest []timeline.Entry
		for i := range s.Items {
			if s.Items[i].Record.Source != audit.SourceGatewayLLM {
				rest = append(rest, timeline.Entry{Seq: s.Items[i].Seq, Record: s.Items[i].Record})
			}
		}
		if len(rest) == len(s.Items) {
			continue // not through the gateway
		}
		sessions++
		stopped += all.Counts.Stopped
		alone := 0
		for i := range all.Steps {
			st := &all.Steps[i]
			if st.Kind != timeline.KindRequest {
				continue
			}
			requests++
			if st.GatewayOnly {
				alone++
			}
			if !st.GatewayOnly && !st.GatewayMissed {
				both++
			}
		}
		if len(s.Discrepancies) > 0 {
			continue // the gateway knows what the client's lost batches would have told
		}
		if alone > 0 { // and the last minutes of a laptop that was wiped
			gone++
			continue
		}
		client := timeline.Build(rest, nil)
		want := client.Counts
		want.Verdicts, want.Stopped = all.Counts.Verdicts, all.Counts.Stopped
		want.Denied, want.Tools = want.Denied+want.Stopped, want.Tools+want.Stopped
		want.Replies, want.Agents = max(want.Replies, all.Counts.Replies), max(want.Agents, all.Counts.Agents) // of which older clients tell nothing
		if withoutIDs(rest) {
			want.Tools, want.Failed = all.Counts.Tools, all.Counts.Failed // each event is a step of its own there
		}
		if all.Counts != want {
			t.Errorf("%s: %+v with the gateway, %+v without", id, all.Counts, client.Counts)
		}
		if all.Usage != client.Usage {
			t.Errorf("%s: %+v with the gateway, %+v without", id, all.Usage, client.Usage)
		}
	}
	t.Logf("%d sessions through the gateway: of %d model requests %d have both witnesses; %d calls were stopped", sessions, requests, both, stopped)
	if sessions < 20 || both*100 < requests*95 || stopped == 0 || gone != 1 {
		t.Error("the test shows little")
	}
}
