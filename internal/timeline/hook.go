package timeline

import (
	"cmp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// HookRun says of a step what hooks of one kind ran at one point of the client's work
// (https://code.claude.com/docs/en/hooks).
type HookRun struct {
	Event string // "PreToolUse"
	Name  string // "PreToolUse:Bash", or the event where no record tells more
	Ran   int    // hooks that ran; 0 where no record tells
	Block int    // of them blocked
}

// Refuses reports whether blocking at this event keeps something from being done, rather than adding to it.
func (h *HookRun) Refuses() bool {
	return h.Event == "PreToolUse" || h.Event == "PermissionRequest" || h.Event == "UserPromptSubmit"
}

// refusal is what is said of hooks that blocked.
func (h *HookRun) refusal() string {
	said := "blocked by a hook"
	if h.Refuses() {
		said = "refused by a hook"
	}
	said = joined(said, h.Name)
	if h.Ran > 1 && h.Block > 0 && h.Block <= h.Ran {
		said += ", " + strconv.Itoa(h.Block) + " of " + strconv.Itoa(h.Ran)
	}
	return said
}

// hookOf reads what a record tells of hooks.
func hookOf(r *audit.Record) HookRun {
	h := HookRun{Event: text(r, "hook_event"), Name: first(r, "hook_name", "hook_event"), Ran: plausible(text(r, "num_hooks")),
		Block: plausible(text(r, "num_blocking"))}
	if event, _, ok := strings.Cut(h.Name, ":"); ok && h.Event == "" {
		h.Event = event
	}
	return h
}

// plausible is a count as text, 0 for what is none that could be true.
func plausible(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 10_000 {
		return 0
	}
	return n
}

// started is a hook run whose end has not come yet.
type started struct {
	key string
	at  time.Time
}

// hookKey joins the end of a hook run to its start: records of both bear the same names, and nothing else that ties them.
// Of several that run it is the one that started when the end says it did.
func (b *builder) hookKey(r *audit.Record, i int) string {
	own := "item " + strconv.Itoa(i)
	if r.Source != audit.SourceOTelLog {
		return own
	}
	h := hookOf(r)
	same := r.Keys.Agent + "\x00" + h.Event + "\x00" + h.Name
	switch r.Type {
	case "hook_execution_start":
		open := b.running[same]
		b.running[same] = append(open[max(0, len(open)-mostRunning+1):], started{own, b.Items[i].At})
	case "hook_execution_complete":
		open := b.running[same]
		if len(open) == 0 {
			return own
		}
		from, best := b.Items[i].Start, 0
		for n := range open {
			if open[n].at.Sub(from).Abs() < open[best].at.Sub(from).Abs() {
				best = n
			}
		}
		own = open[best].key
		b.running[same] = slices.Delete(open, best, best+1)
	}
	return own
}

// describeHook takes in what one record of the run tells.
func (s *Step) describeHook(r *audit.Record) {
	h := hookOf(r)
	s.Hook.Event, s.Hook.Name = cmp.Or(s.Hook.Event, h.Event), cmp.Or(s.Hook.Name, h.Name)
	s.Hook.Ran, s.Hook.Block = max(s.Hook.Ran, h.Ran), max(s.Hook.Block, h.Block)
}

const (
	hookBefore  = time.Minute // how far from a decision a hook may have ended that decided it
	hookAfter   = time.Second // clocks are read when records are made
	mostRunning = 64          // runs of one name that are under way or looked at, however many a client invents
)

// refusals finds for each tool use that a hook refused the hook run that did. No record says so itself: it is the run that
// blocked, in the same turn, for a tool of that name if names are told, and ended last before the decision.
func (b *builder) refusals() {
	var runs []*Step
	for _, s := range b.order {
		if s.Kind == KindHook && s.Outcome == audit.OutcomeDenied && s.Hook.Refuses() && s.Hook.Event != "UserPromptSubmit" {
			runs = append(runs, s)
		}
	}
	if len(runs) == 0 {
		return
	}
	slices.SortStableFunc(runs, func(a, b *Step) int { return a.End.Compare(b.End) })
	for _, s := range b.order {
		if at, ok := b.refusedByHook(s); ok {
			if run := nearest(runs, s, at); run != nil {
				s.RefusedBy, run.Refused = run.Lead, s.Lead
				s.Reason = "refused by a hook (" + cmp.Or(run.Hook.Name, "of a name nobody told") + ")"
			}
		}
	}
}

// refusedByHook tells when a tool use was refused, if by a hook.
func (b *builder) refusedByHook(s *Step) (time.Time, bool) {
	if s.Kind != KindTool || s.Outcome != audit.OutcomeDenied {
		return time.Time{}, false
	}
	for _, i := range s.Items {
		if r := b.Items[i].Record; r.Activity == audit.ActivityToolDecision && r.Outcome == audit.OutcomeDenied && text(r, "source") == "hook" {
			return b.Items[i].End, true
		}
	}
	return time.Time{}, false
}

// couldBeFor reports whether the names told agree; tools of MCP servers go by several.
func (h *HookRun) couldBeFor(s *Step) bool {
	_, tool, named := strings.Cut(h.Name, ":")
	if !named || s.Tool == "" || tool == s.Tool {
		return true
	}
	return strings.HasPrefix(tool, "mcp__") && (s.MCP != "" || strings.HasPrefix(s.Tool, "mcp"))
}

// nearest chooses among runs, in the order they ended, one that refused nothing else yet.
func nearest(runs []*Step, s *Step, at time.Time) *Step {
	end := sort.Search(len(runs), func(i int) bool { return runs[i].End.After(at.Add(hookAfter)) })
	var best *Step
	for _, run := range runs[max(0, end-mostRunning):end] {
		ago := at.Sub(run.End)
		if run.Refused != none || ago > hookBefore || !run.Hook.couldBeFor(s) || run.Agent != "" && run.Agent != s.Agent {
			continue
		}
		if best == nil || ago.Abs() < at.Sub(best.End).Abs() {
			best = run
		}
	}
	return best
}
