package fleet

import (
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// collectEvery is how often a client collects its metrics and exports what changed.
const collectEvery = time.Minute

// meter counts what a process does.
type meter struct {
	start  time.Time
	on     bool
	counts []count // not yet collected, in no order
}

// count is one addition to a counter.
type count struct {
	at    time.Time
	which int // of instruments
	attrs attributes
	value float64
}

// instruments in the order in which the client makes them, which is that of its exports.
const (
	sessionCount = iota
	linesOfCode
	pullRequests
	commitCount
	costUsage
	tokenUsage
	editDecisions
	activeTime
)

// instrument is the name, description and unit of a counter.
func instrument(which int) metric {
	return [...]metric{
		{name: "claude_code.session.count", description: "Count of CLI sessions started"},
		{name: "claude_code.lines_of_code.count", description: "Count of lines of code modified, with the 'type' attribute indicating whether lines were added or removed and the 'model' attribute indicating which model made the change"},
		{name: "claude_code.pull_request.count", description: "Number of pull requests created"},
		{name: "claude_code.commit.count", description: "Number of git commits created"},
		{name: "claude_code.cost.usage", description: "Cost of the Claude Code session", unit: "USD"},
		{name: "claude_code.token.usage", description: "Number of tokens used", unit: "tokens"},
		{name: "claude_code.code_edit_tool.decision", description: "Count of code editing tool permission decisions (accept/reject) for Edit, Write, and NotebookEdit tools"},
		{name: "claude_code.active_time.total", description: "Total active time in seconds", unit: "s"},
	}[which]
}

// points are the attributes that the points of an act begin with; nil where the client counts nothing of it.
func (pl *player) points(a *world.Act) attributes {
	if !pl.meter.on || a.Surface == audit.SurfaceCoworkRemote || slices.Contains(a.Missed, audit.SourceOTelMetric) {
		return nil
	}
	return pl.id.onPoints(a.Keys.Session, pl.p.Client.Gates.AccountUUID, 8)
}

// add counts. base are the attributes every point has; it is not kept.
func (m *meter) add(base attributes, at time.Time, which int, value float64, fill func(*attributes)) {
	if base == nil || value == 0 {
		return
	}
	c := count{at: at.Truncate(time.Millisecond), which: which, attrs: slices.Clip(base), value: value}
	if fill != nil {
		fill(&c.attrs)
	}
	m.counts = append(m.counts, c)
}

func (m *meter) session(base attributes, at time.Time, how string) {
	m.add(base, at, sessionCount, 1, func(l *attributes) { l.str("start_type", how) })
}

func (m *meter) active(base attributes, at time.Time, kind string, d time.Duration) {
	m.add(base, at, activeTime, d.Seconds(), func(l *attributes) { l.str("type", kind) })
}

// usage counts a request's tokens and what they cost.
func (m *meter) usage(base attributes, a *world.Act, t attribution, d *dialect) {
	r := a.Request
	common := func(l *attributes) {
		l.str("model", r.Model)
		if d.requests && !d.oldMetrics {
			l.str("query_source", category(r.Source))
			l.some("effort", r.Effort)
			t.add(l)
		}
	}
	m.add(base, a.At, costUsage, dollars(r.CostMicros), common)
	for _, k := range []struct {
		kind string
		n    int64
	}{{"input", r.Input}, {"output", r.Output}, {"cacheRead", r.CacheRead}, {"cacheCreation", r.CacheCreate}} {
		m.add(base, a.At, tokenUsage, float64(k.n), func(l *attributes) {
			if d.oldMetrics {
				l.str("type", k.kind)
				common(l)
				return
			}
			common(l)
			l.str("type", k.kind)
		})
	}
}

// category is the query_source of metrics, which is coarser than that of events.
func category(source string) string {
	switch {
	case source == "repl_main_thread" || source == "sdk":
		return "main"
	case strings.HasPrefix(source, "agent:"):
		return "subagent"
	}
	return "auxiliary"
}

// edits counts what a call does to code and its repository.
func (pl *player) edits(a *world.Act, end time.Time) {
	t := a.Tool
	base := pl.points(a)
	if commits(t) && t.Accepted && t.Success {
		pl.meter.add(base, end, commitCount, 1, nil)
	}
	if t.Name == "Bash" && t.Accepted && t.Success && strings.Contains(member(t.Input, "command"), "gh pr create") {
		pl.meter.add(base, end, pullRequests, 1, nil)
	}
	if t.Name != "Edit" && t.Name != "Write" && t.Name != "NotebookEdit" {
		return
	}
	pl.meter.add(base, a.At, editDecisions, 1, func(l *attributes) {
		l.str("decision", decision(t))
		l.str("source", t.By)
		l.str("tool_name", t.Name)
		l.str("language", language(member(t.Input, "file_path")))
	})
	if !t.Accepted || !t.Success {
		return
	}
	added, removed := lines(member(t.Input, "content"))+lines(member(t.Input, "new_string")), lines(member(t.Input, "old_string"))
	model := ""
	if pl.dialect.ids {
		model = pl.model
	}
	for _, k := range []struct {
		kind string
		n    int
	}{{"added", added}, {"removed", removed}} {
		pl.meter.add(base, end, linesOfCode, float64(k.n), func(l *attributes) {
			l.str("type", k.kind)
			l.some("model", model)
		})
	}
}

func lines(s string) int {
	if s == "" {
		return 0
	}
	return strings.Count(strings.TrimSuffix(s, "\n"), "\n") + 1
}

// collection is what one collection of a process' metrics found.
type collection struct {
	at      time.Time
	metrics []metric
}

// collect returns the collections due before a time. A process that ended in order collects once more as it ends; what one
// that was killed had counted since its last collection is gone.
func (m *meter) collect(until, stopped time.Time) []collection {
	slices.SortStableFunc(m.counts, func(a, b count) int { return a.at.Compare(b.at) })
	var list []collection
	taken := 0
	for taken < len(m.counts) {
		due := m.counts[taken].at.Sub(m.start)/collectEvery + 1
		at := m.start.Add(due * collectEvery)
		if !stopped.IsZero() && at.After(stopped) {
			at = stopped
		}
		if !at.Before(until) {
			break
		}
		n := taken
		for n < len(m.counts) && (m.counts[n].at.Before(at) || at.Equal(stopped)) {
			n++
		}
		if n == taken {
			n++ // never stand still
		}
		list = append(list, collection{at: at, metrics: gather(m.counts[taken:n], at)})
		taken = n
	}
	m.counts = slices.Delete(m.counts, 0, taken)
	return list
}

// gather adds up what was counted with the same attributes.
func gather(counts []count, at time.Time) []metric {
	var list []metric
	for which := sessionCount; which <= activeTime; which++ {
		mt := instrument(which)
		for i := range counts {
			c := &counts[i]
			if c.which != which {
				continue
			}
			if p := find(mt.points, c.attrs); p != nil {
				p.value += c.value
				continue
			}
			mt.points = append(mt.points, point{attrs: c.attrs, start: c.at, time: at, value: c.value})
		}
		if mt.points != nil {
			list = append(list, mt)
		}
	}
	return list
}

func find(points []point, attrs attributes) *point {
	for i := range points {
		if slices.EqualFunc(points[i].attrs, attrs, equal) {
			return &points[i]
		}
	}
	return nil
}

func equal(a, b attribute) bool {
	return a.key == b.key && a.kind == b.kind && a.text == b.text && a.int == b.int && a.real == b.real && slices.Equal(a.list, b.list)
}
