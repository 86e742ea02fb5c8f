package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is everything that one run found.
type report struct {
	began   time.Time
	seed    uint64
	rounds  int
	full    bool
	cells   []cell
	skipped map[string]error
	unfit   map[string]error // by system and kind of answer
	conduct map[string]conduct
	memory  map[string]int64
	results []*result
	fsync   []float64 // ms, in each round
	journal []string  // what Tripod had on record in the end
}

func newReport(o options) *report {
	return &report{
		began: time.Now().UTC(), seed: o.seed, rounds: o.rounds, full: o.full, cells: o.cells(),
		skipped: map[string]error{}, unfit: map[string]error{}, conduct: map[string]conduct{}, memory: map[string]int64{},
	}
}

func (r *report) skip(name string, why error) { r.skipped[name] = why }

// of lists the results of one system in one cell, in order of the rounds.
func (r *report) of(system, cell string) (list []*result) {
	for _, x := range r.results {
		if x.system == system && x.cell == cell {
			list = append(list, x)
		}
	}
	return list
}

// over is the median over the rounds of what f says of a system beside another in the same round.
func (r *report) over(system, base, cell string, f func(s, b *result) float64) (float64, bool) {
	a, b := r.of(system, cell), r.of(base, cell)
	var values []float64
	for i := range min(len(a), len(b)) {
		if len(a[i].first) > 0 && len(b[i].first) > 0 {
			values = append(values, f(a[i], b[i]))
		}
	}
	return median(values), len(values) > 0
}

func (r *report) markdown(w io.Writer) {
	load, _ := os.ReadFile("/proc/loadavg")
	fmt.Fprintf(w, "%s, %d cores (%s), %d rounds, load average at the end %s\n", r.began.Format("2006-01-02 15:04 MST"), runtime.NumCPU(), cpuModel(), r.rounds, strings.Join(strings.Fields(string(load))[:1], ""))
	for _, size := range []string{"50KB", "1MB"} {
		r.table(w, size)
	}
	r.conductTable(w)
	fmt.Fprintf(w, "* an fsync of 8 KB takes %.2f ms on this disk\n", median(r.fsync))
	for _, s := range []string{"tripod-observe", "tripod-enforce"} {
		for _, c := range r.cells {
			scan, ok := r.over(s, s, c.name, func(s, _ *result) float64 { return millis(s.scan) })
			durable, _ := r.over(s, s, c.name, func(s, _ *result) float64 { return millis(s.durable) })
			if ok && c.lanes == 1 && c.pace == 0 {
				fmt.Fprintf(w, "* %s, %s: judging a request takes %.2f ms on average, waiting until it is on record %.2f\n", s, c.name, scan, durable)
			}
		}
	}
	for name, why := range r.skipped {
		fmt.Fprintf(w, "* %s was not run: %v\n", name, why)
	}
	for _, name := range sorted(r.unfit) {
		fmt.Fprintf(w, "* %s was not measured: %.160v\n", name, r.unfit[name])
	}
	for _, line := range r.journal {
		fmt.Fprintf(w, "* %s\n", line)
	}
	for _, g := range r.goals() {
		fmt.Fprintf(w, "* %s: %s\n", either(g.met, "met", "**not met**"), g.what)
	}
}

// column is one of the table: what it says of a system, in which cell, beside which other.
type column struct {
	head, cell, base, format string
	f                        func(s, b *result) float64
}

func added(of func(*result) []time.Duration, q float64) func(s, b *result) float64 {
	return func(s, b *result) float64 { return millis(quantile(of(s), q)) - millis(quantile(of(b), q)) }
}

func first(r *result) []time.Duration { return r.first }
func late(r *result) []time.Duration  { return r.late }

func columns(size string) []column {
	rate := func(s, b *result) float64 { return s.perSecond / b.perSecond }
	return []column{
		{"JSON p50", size + "-json-1", "direct", "%+.2f", added(first, .5)},
		{"p99", size + "-json-1", "direct", "%+.2f", added(first, .99)},
		{"all new p50", size + "-new-1", "direct", "%+.2f", added(first, .5)},
		{"p99", size + "-new-1", "direct", "%+.2f", added(first, .99)},
		{"SSE p50", size + "-sse-1", "direct", "%+.2f", added(first, .5)},
		{"p99", size + "-sse-1", "direct", "%+.2f", added(first, .99)},
		{"event p50", size + "-paced-1", "direct", "%+.2f", added(late, .5)},
		{"p99", size + "-paced-1", "direct", "%+.2f", added(late, .99)},
		{"of 50 p50", size + "-paced-50", "direct", "%+.2f", added(late, .5)},
		{"p99", size + "-paced-50", "direct", "%+.2f", added(late, .99)},
		{"JSON/s", size + "-json-50", "bare", "%.2f×", rate},
		{"SSE/s", size + "-sse-50", "bare", "%.2f×", rate},
		{"CPU JSON", size + "-json-50", "bare", "%.2f", func(s, _ *result) float64 { return millis(s.cpu) }},
		{"CPU SSE", size + "-sse-50", "bare", "%.2f", func(s, _ *result) float64 { return millis(s.cpu) }},
	}
}

func (r *report) table(w io.Writer, size string) {
	if !slices.ContainsFunc(r.cells, func(c cell) bool { return strings.HasPrefix(c.name, size) }) {
		return
	}
	cols := columns(size)
	fmt.Fprintf(w, "\n**%s requests.** Added to direct, in ms: time to first byte over one connection; lateness of each event of a paced stream, alone and among 50. Throughput over 50 connections as a share of the bare ReverseProxy's. CPU ms of the system for one request, with what follows.\n\n| |", size)
	for _, c := range cols {
		fmt.Fprintf(w, " %s |", c.head)
	}
	fmt.Fprintf(w, " peak MiB | failed |\n|---|%s\n", strings.Repeat("---:|", len(cols)+2))
	for _, s := range r.names() {
		fmt.Fprintf(w, "| %s |", s)
		for _, c := range cols {
			v, ok := r.over(s, c.base, c.cell, c.f)
			if !ok || s == c.base && c.base == "direct" {
				fmt.Fprint(w, " |")
				continue
			}
			fmt.Fprintf(w, " "+c.format+" |", v)
		}
		failed, all := 0, 0
		for _, x := range r.results {
			if x.system == s && strings.HasPrefix(x.cell, size) {
				failed, all = failed+x.errors, all+x.errors+len(x.first)
			}
		}
		fmt.Fprintf(w, " %s | %d of %d |\n", mebibytes(r.memory[s]), failed, all)
	}
	for _, base := range []string{"json", "sse"} {
		d, ok1 := r.over("direct", "direct", size+"-"+base+"-1", func(s, _ *result) float64 { return millis(quantile(s.first, .5)) })
		b, ok2 := r.over("bare", "bare", size+"-"+base+"-50", func(s, _ *result) float64 { return s.perSecond })
		if ok1 && ok2 {
			fmt.Fprintf(w, "\n%s: direct takes %.2f ms to the first byte; the bare ReverseProxy passes %.0f requests/s over 50 connections.", strings.ToUpper(base), d, b)
		}
	}
	fmt.Fprintln(w)
}

func (r *report) conductTable(w io.Writer) {
	fmt.Fprint(w, "\n| | streams | comments | stream's bytes | request's bytes | request's header |\n|---|---|---|---|---|---|\n")
	for _, s := range r.names() {
		d := r.conduct[s]
		fmt.Fprintf(w, "| %s | %s | %s | %.60s | %s | %.120s |\n", s, either(d.streams, "yes", "**no**"), either(d.comment, "kept", "**lost**"), d.answer, d.body, d.header)
	}
	fmt.Fprintln(w)
}

func (r *report) names() (list []string) {
	for _, name := range allSystems {
		if _, ok := r.conduct[name]; ok {
			list = append(list, name)
		}
	}
	return list
}

type goal struct {
	what string
	met  bool
}

// goals are what Tripod sets itself.
func (r *report) goals() (goals []goal) {
	add := func(met bool, format string, args ...any) {
		goals = append(goals, goal{fmt.Sprintf(format, args...), met})
	}
	const c = "50KB-json-1"
	if t, ok := r.over("tripod-observe", "direct", c, added(first, .5)); ok {
		n, hasNginx := r.over("nginx", "direct", c, added(first, .5))
		most := 0.4
		if hasNginx {
			most = max(most, 1.3*n)
		}
		add(t <= most, "observe mode adds %.2f ms p50 to 50 KB; at most %.2f (the larger of 0.4 and 1.3 times nginx's)", t, most)
	}
	if x, ok := r.over("tripod-observe", "bare", "50KB-json-50", func(s, b *result) float64 { return s.perSecond / b.perSecond }); ok {
		add(x >= 0.7, "observe mode passes %.2f times what the bare ReverseProxy passes; at least 0.7", x)
	}
	for _, m := range []struct {
		cell, what string
		most       float64
	}{{"50KB-new-1", "all of 50 KB", 3}, {"50KB-json-1", "a turn of 2 KB, one in twenty of them 50 KB, on average", 0.3}} {
		if x, ok := r.over("tripod-enforce", "direct", m.cell, func(s, _ *result) float64 { return millis(s.scan) }); ok {
			add(x < m.most, "judging %s takes %.2f ms; under %.1f", m.what, x, m.most)
		}
	}
	for _, cl := range []string{"50KB-paced-1", "50KB-paced-50"} {
		if x, ok := r.over("tripod-observe", "direct", cl, added(late, .99)); ok {
			add(x < 1, "observe mode delays an event by %.2f ms p99 (%s); under 1", x, cl)
		}
	}
	return goals
}

// failed tells what no system of ours may do.
func (r *report) failed() error {
	var errs []error
	for _, x := range r.results {
		if x.errors > 0 && (strings.HasPrefix(x.system, "tripod") || x.system == "direct") {
			errs = append(errs, fmt.Errorf("%s lost %d requests in %s: %w", x.system, x.errors, x.cell, x.why))
		}
	}
	for name, d := range r.conduct {
		if strings.HasPrefix(name, "tripod") && (d.answer != "same" || d.body != "same" || d.header != "same" || !d.streams || !d.comment) {
			errs = append(errs, fmt.Errorf("%s alters what passes: %+v", name, d))
		}
	}
	return errors.Join(errs...)
}

func sorted(m map[string]error) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func either(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

func mebibytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n >> 20)
}

// quantile gives the smallest value that a share q of all values does not exceed.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	i := int(q*float64(len(s))+0.999999) - 1
	return s[min(max(i, 0), len(s)-1)]
}

// median gives the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// recordIn replaces the result in the page at path.
func recordIn(path, result string) error {
	const begin, end = "<!-- result: written by -record -->\n", "<!-- end of result -->\n"
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok1 := strings.Cut(string(page), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s: no place for the result", path)
	}
	return os.WriteFile(path, []byte(head+begin+strings.TrimSpace(result)+"\n"+end+tail), 0o644)
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
			return strings.TrimSpace(v)
		}
	}
	return runtime.GOARCH
}
