package timeline

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Older clients send no ids of requests and tool uses with their events
// (https://code.claude.com/docs/en/monitoring-usage). Where a gateway saw the same, time and name tell: an event of a request
// is written when its answer has come, one of a tool between the answer that asked for it and the request that brings its
// result. Each goes with one at most; what goes with none stands for itself.

// window is something that a gateway saw and a client should have told of: from when until when, and under which id.
type window struct {
	id, name   string // name of the tool or model; "" fits any
	start, end time.Time
	taken      map[audit.Activity]bool
}

// fits reports whether a client's event may be of it.
func (w *window) fits(name string, activity audit.Activity, at time.Time) bool {
	return !w.taken[activity] && (w.name == "" || name == "" || name == w.name) && !at.Before(w.start.Add(-callSlack)) && !at.After(w.end.Add(callSlack))
}

// alike finds of clients' events without ids the request or tool use that they are of.
func (x *index) alike(items []Item) {
	var requests, tools []*window
	told := map[string]bool{} // ids that clients told
	var open []*Item          // events without
	uses := map[string]*window{}
	for i := range items {
		item := &items[i]
		r := item.Record
		switch kind := kindOf(r); {
		case IsVerdict(r):
		case r.Source == audit.SourceOTelLog && (kind == KindRequest && r.Activity == audit.ActivityModelRequest || kind == KindTool):
			if id := r.Keys.Request + r.Keys.ToolUse; id != "" {
				told[r.Keys.Request], told[r.Keys.ToolUse] = true, true
			} else {
				open = append(open, item)
			}
		case byGateway(r) && r.Type == "llm.end":
			requests = append(requests, &window{id: x.request(r), name: r.Model, start: item.At, end: item.At})
		case byGateway(r) && r.Keys.ToolUse != "" && kind == KindTool:
			w := uses[r.Keys.ToolUse]
			if w == nil {
				w = &window{id: r.Keys.ToolUse, start: item.At}
				uses[r.Keys.ToolUse], tools = w, append(tools, w)
			}
			if w.end = item.At; r.Tool != "" && r.MCP == "" { // what an older client calls a tool of a server is not told apart
				w.name = r.Tool
			}
		}
	}
	for _, item := range open {
		r, list, name := item.Record, tools, item.Record.Tool
		if kindOf(r) == KindRequest {
			list, name = requests, r.Model
		}
		if w := fitting(list, told, name, r.Activity, item.At); w != nil {
			if w.taken == nil {
				w.taken = map[audit.Activity]bool{}
			}
			w.taken[r.Activity] = true
			x.same[r] = w.id
		}
	}
}

// fitting is the window that an event fits best: the one that ended closest to it.
func fitting(list []*window, told map[string]bool, name string, activity audit.Activity, at time.Time) *window {
	var best *window
	from, _ := slices.BinarySearchFunc(list, at, func(w *window, t time.Time) int { return w.start.Add(longestTool).Compare(t) })
	for _, w := range list[from:] {
		if w.start.After(at.Add(callSlack)) {
			break
		}
		if told[w.id] || !w.fits(name, activity, at) {
			continue
		}
		if best == nil || w.end.Sub(at).Abs() < best.end.Sub(at).Abs() {
			best = w
		}
	}
	return best
}

// longestTool bounds how far back an event of a tool is looked for.
const longestTool = time.Hour
