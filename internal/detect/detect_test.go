package detect

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/detect/sigma"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// happening is a record of a test: what, who, when it occurred, and when it came, in minutes after noon.
type happening struct {
	kind, who string
	at, came  float64
	value     int64
}

func (h happening) stored(seq uint64) journal.Stored {
	minutes := func(m float64) time.Time { return noon.Add(time.Duration(m * float64(time.Minute))) }
	r := &audit.Record{
		Version: 1, ID: fmt.Sprint(seq), Normaliser: "t", Source: audit.SourceComplianceActivity, Type: h.kind,
		Occurred: minutes(h.at), Recorded: minutes(max(h.at, h.came)),
		Account:    audit.Account{Proved: audit.Identity{Email: h.who}},
		Attributes: audit.Attrs{audit.CountAttr("n", h.value)},
	}
	return journal.Stored{Seq: seq, Bytes: r.AppendCanonical(nil)}
}

func stored(list []happening) []journal.Stored {
	var s []journal.Stored
	for i, h := range list {
		s = append(s, h.stored(uint64(i+1)))
	}
	return s
}

// base are single-record rules a, b and c.
func base() string {
	var b strings.Builder
	for _, n := range []string{"a", "b", "c"} {
		fmt.Fprintf(&b, "title: %s\nname: %s\nlogsource: {product: claude}\ndetection: {s: {type: %s}, condition: s}\n---\n", strings.ToUpper(n), n, n)
	}
	return b.String()
}

func correlation(text string) string {
	return base() + "title: Together\nid: together\nlevel: high\ncorrelation: {group-by: [account], " + text + "}\n"
}

func compile(t testing.TB, text string) *sigma.Set {
	t.Helper()
	docs, err := sigma.Parse("t.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sigma.Compile(docs, sigma.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fired applies records in batches that end behind the positions in cuts, and lists what fired, in order. With reopen the view is closed and
// opened between batches.
func fired(t testing.TB, o Options, list []journal.Stored, reopen bool, cuts ...int) ([]Firing, Stats) {
	t.Helper()
	ctx := context.Background()
	dir := t.TempDir()
	v, err := Open(ctx, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	}()
	from := 0
	for _, to := range append(cuts, len(list)) {
		if err := v.Apply(ctx, list[from:to]); err != nil {
			t.Fatal(err)
		}
		from = max(0, to-1) // the last of a batch is delivered again
		if reopen {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			if v, err = Open(ctx, dir, o); err != nil {
				t.Fatal(err)
			}
		}
	}
	firings, err := v.After(ctx, Cursor{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	stats, err := v.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return firings, stats
}

// TestCorrelations: what fires, with its first and last position and its count.
func TestCorrelations(t *testing.T) {
	t.Parallel()
	f := func(name, text string, want string, list ...happening) {
		t.Helper()
		got, _ := fired(t, Options{Rules: compile(t, correlation(text))}, stored(list), false)
		var told []string
		for _, g := range got {
			if g.Rule != "together" {
				continue
			}
			told = append(told, fmt.Sprintf("%d@%d×%d", g.Seqs[0], g.Seq, g.Count))
		}
		if s := strings.Join(told, " "); s != want {
			t.Errorf("%s: fired %q, want %q", name, s, want)
		}
	}
	a := func(at float64, came ...float64) happening {
		return happening{kind: "a", who: "dana", at: at, came: append(came, 0)[0]}
	}
	of := func(kind string, at float64, value int64) happening {
		return happening{kind: kind, who: "dana", at: at, value: value}
	}
	three := "type: event_count, rules: [a], timespan: 10m, condition: {gte: 3}"
	f("three within", three, "1@3×3", a(0), a(5), a(10))
	f("a little too far apart", three, "", a(0), a(5), a(10.01))
	f("sliding, not in steps", three, "2@4×3", a(0), a(9), a(14), a(18))
	f("one firing while it goes on", three, "1@3×6", a(0), a(1), a(2), a(3), a(9), a(12))
	f("another when it has ended", three, "1@3×3 4@6×3", a(0), a(1), a(2), a(30), a(31), a(32))
	f("groups apart", three, "", a(0), a(1), happening{kind: "a", who: "eve", at: 2})
	f("without a group nothing counts", three, "", happening{kind: "a", at: 0}, happening{kind: "a", at: 1}, happening{kind: "a", at: 2})
	f("groups without regard to case", three, "1@3×3", a(0), a(1), happening{kind: "a", who: "Dana", at: 2})
	f("a late one completes it", three, "1@3×3", a(0), a(8), a(4, 14))
	f("a late one between", three, "3@5×3", a(0), a(9), a(20), a(29), a(24, 30))
	f("a late one in front", three, "3@3×3", a(8), a(9), a(0, 14))
	f("one as late as may be", three, "3@3×3", a(10), a(10), a(0, 15))
	f("out of order, another group's time", three, "2@4×3", happening{kind: "a", who: "eve", at: 60}, a(40, 61), a(41, 61), a(42, 61))
	f("two rules count together, a record once", "type: event_count, rules: [a, b], timespan: 10m, condition: {gte: 3}", "1@3×3", a(0), of("b", 1, 0), a(2))
	f("more than", "type: event_count, rules: [a], timespan: 10m, condition: {gt: 2}", "1@3×3", a(0), a(1), a(2))

	f("different values", "type: value_count, rules: [a], timespan: 10m, condition: {field: attributes.n, gte: 3}", "1@4×4", of("a", 0, 1), of("a", 1, 1), of("a", 2, 2), of("a", 3, 3))
	f("equal values", "type: value_count, rules: [a], timespan: 10m, condition: {field: attributes.n, gte: 3}", "", of("a", 0, 1), of("a", 1, 1), of("a", 2, 2))
	f("sum", "type: value_sum, rules: [a], timespan: 10m, condition: {field: attributes.n, gt: 100}", "2@3×2", of("a", 0, 60), of("a", 11, 50), of("a", 12, 51))
	f("average", "type: value_avg, rules: [a], timespan: 10m, condition: {field: attributes.n, gt: 50}", "1@3×3", of("a", 0, 10), of("a", 1, 40), of("a", 2, 130))
	f("percentile", "type: value_percentile, rules: [a], timespan: 10m, condition: {field: attributes.n, percentile: 50, gte: 40}", "1@3×3", of("a", 0, 10), of("a", 1, 40), of("a", 2, 50))
	f("median", "type: value_median, rules: [a], timespan: 10m, condition: {field: attributes.n, gte: 41}", "", of("a", 0, 10), of("a", 1, 40), of("a", 2, 50))

	f("any order", "type: temporal, rules: [a, b, c], timespan: 5m", "1@3×3", of("c", 0, 0), of("a", 2, 0), of("b", 5, 0))
	f("not all", "type: temporal, rules: [a, b, c], timespan: 5m", "", of("c", 0, 0), of("a", 2, 0), of("b", 5.1, 0))
	f("two of three", "type: temporal, rules: [a, b, c], timespan: 5m, condition: {gte: 2}", "1@2×2", of("c", 0, 0), of("a", 2, 0))
	f("in order", "type: temporal_ordered, rules: [a, b], timespan: 5m", "1@3×3", of("b", 0, 0), of("a", 2, 0), of("b", 3, 0))
	f("in the wrong order", "type: temporal_ordered, rules: [a, b], timespan: 5m", "", of("b", 0, 0), of("a", 2, 0))
	f("at one time", "type: temporal_ordered, rules: [a, b], timespan: 5m", "1@2×2", of("b", 2, 0), of("a", 2, 0))
	f("in order, told late", "type: temporal_ordered, rules: [a, b], timespan: 5m", "2@2×2", of("b", 3, 0), a(2, 6))

	// These are judged when the window is over and the lateness with it: c moves the clock.
	few := "type: event_count, rules: [a], timespan: 10m, condition: {lt: 3}"
	f("fewer than three", few, "1@3×2", a(0), a(1), of("c", 25, 0))
	f("not over yet", few, "", a(0), a(1), of("c", 24.9, 0))
	f("a late one makes it enough", few, "", a(0), a(1), a(2, 24), of("c", 60, 0))
	f("exactly two", "type: event_count, rules: [a], timespan: 10m, condition: {eq: 2}", "1@3×2", a(0), a(1), a(30), of("c", 90, 0))
	f("between", "type: event_count, rules: [a], timespan: 10m, condition: {gt: 1, lte: 2}", "1@3×2", a(0), a(10), a(60), of("c", 120, 0))
	f("silent", "type: absence, rules: [a, b], timespan: 10m, condition: {gte: 2}", "2@4×2", of("b", 0, 0), a(1), a(2), of("c", 26, 0))
	f("never heard of", "type: absence, rules: [a, b], timespan: 10m, condition: {gte: 2}", "", a(1), a(2), of("c", 26, 0))
	f("heard in time", "type: absence, rules: [a, b], timespan: 10m, condition: {gte: 2}", "", of("b", 0, 0), a(1), a(2), of("b", 8, 0), of("c", 60, 0))
	f("heard late", "type: absence, rules: [a, b], timespan: 10m, condition: {gte: 2}", "", of("b", 0, 0), a(1), a(2), happening{kind: "b", who: "dana", at: 8, came: 20}, of("c", 60, 0))
	f("one silence, one firing", "type: absence, rules: [a, b], timespan: 10m", "2@4×3", of("b", 0, 0), a(1), a(12), of("c", 27, 0), a(28), of("c", 90, 0))
	f("a second silence", "type: absence, rules: [a, b], timespan: 10m", "2@3×1 5@6×1", of("b", 0, 0), a(1), of("c", 30, 0), of("b", 31, 0), a(32), of("c", 90, 0))
}

// TestChain: the specification's example, failed sign-ins followed by a successful one.
func TestChain(t *testing.T) {
	t.Parallel()
	text := base() + "title: Many\nname: many\ncorrelation: {type: event_count, rules: [a], group-by: [account], timespan: 10m, condition: {gte: 3}}\n---\n" +
		"title: Then\nid: then\ncorrelation: {type: temporal_ordered, rules: [many, b], group-by: [account], timespan: 10m}\n"
	a := func(at float64) happening { return happening{kind: "a", who: "dana", at: at} }
	f := func(want int, list ...happening) {
		t.Helper()
		got, _ := fired(t, Options{Rules: compile(t, text)}, stored(list), false)
		n := 0
		for _, g := range got {
			if g.Rule != "then" {
				t.Errorf("%s fired by itself", g.Rule)
			}
			n++
		}
		if n != want {
			t.Errorf("%d firings, want %d: %+v", n, want, got)
		}
	}
	f(1, a(0), a(1), a(2), happening{kind: "b", who: "dana", at: 5})
	f(0, a(0), a(1), happening{kind: "b", who: "dana", at: 5})
	f(0, happening{kind: "b", who: "dana", at: 0}, a(1), a(2), a(3))
	f(0, a(0), a(1), a(2), happening{kind: "b", who: "dana", at: 13})
	f(0, a(0), a(1), a(2), happening{kind: "b", who: "eve", at: 5})
	f(1, a(0), a(1), a(2), a(9), happening{kind: "b", who: "dana", at: 15}) // what goes on is told on
}

// TestSingle: a rule on single records fires once for each, with what it compared.
func TestSingle(t *testing.T) {
	t.Parallel()
	text := "title: Alpha\nid: alpha\nlevel: critical\ntripod: {group: [account, type], sentence: '{account} did {type}'}\nlogsource: {product: claude}\ndetection: {s: {type: a, attributes.n|gt: 3}, condition: s}\n"
	got, _ := fired(t, Options{Rules: compile(t, text)}, stored([]happening{{kind: "a", who: "dana", at: 1, value: 4}, {kind: "a", who: "dana", value: 3}, {kind: "b", value: 9}}), false)
	if len(got) != 1 {
		t.Fatalf("%d firings", len(got))
	}
	want := Firing{
		ID: got[0].ID, Seq: 1, Rule: "alpha", Title: "Alpha", Version: got[0].Version, Severity: sigma.LevelCritical, At: noon.Add(time.Minute), Start: noon.Add(time.Minute),
		Recorded: noon.Add(time.Minute), Seqs: []uint64{1}, Group: map[string]string{"account": "dana", "type": "a"}, Fields: map[string]string{"type": "a", "attributes.n": "4"},
		Count: 1, Sentence: "dana did a",
	}
	if d := cmp.Diff(want, got[0]); d != "" {
		t.Error(d)
	}
}

// TestCuts: however the journal is cut into batches, whether batches come again and the process ends between them, the same fires under the
// same ids.
func TestCuts(t *testing.T) {
	t.Parallel()
	seeds := 2
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			cut(t, uint64(seed))
		})
	}
}

func cut(t *testing.T, seed uint64) {
	text := base() + `title: Many
id: many
correlation: {type: event_count, rules: [a, b], group-by: [account], timespan: 10m, condition: {gte: 4}}
---
title: Values
id: values
correlation: {type: value_count, rules: [a], group-by: [account], timespan: 20m, condition: {field: attributes.n, gte: 3}}
---
title: Ordered
id: ordered
generate: true
correlation: {type: temporal_ordered, rules: [many, c], group-by: [account], timespan: 15m}
---
title: Few
id: few
correlation: {type: event_count, rules: [c], group-by: [account], timespan: 5m, condition: {lt: 2}}
---
title: Silent
id: silent
correlation: {type: absence, rules: [a, b], group-by: [account], timespan: 10m}
---
title: First
id: first
correlation: {type: first_seen, rules: [a], group-by: [account], timespan: 30d, condition: {field: attributes.n}}
`
	r := rand.New(rand.NewPCG(3, seed))
	var list []happening
	clock := 0.0
	records := 400
	if testing.Short() {
		records = 80
	}
	for range records {
		clock += r.ExpFloat64()
		at := clock
		if r.IntN(4) == 0 {
			at -= 20 * r.Float64()
		}
		list = append(list, happening{kind: []string{"a", "b", "c", "d"}[r.IntN(4)], who: []string{"dana", "eve", "bob", ""}[r.IntN(4)], at: at, came: clock, value: r.Int64N(6)})
	}
	o := Options{
		Rules: compile(t, text), Limits: Limits{Events: 12, Groups: 2, PerHour: 8},
		Baselines: map[sigma.CorrelationType]Baseline{sigma.FirstSeen: newOnes{}},
	}
	all := stored(list)
	want, stats := fired(t, o, all, false)
	rules := map[string]int{}
	for _, f := range want {
		rules[f.Rule]++
	}
	if testing.Short() {
		rules = nil // too few records for all to fire
	}
	for _, rule := range []string{"many", "c", "values", "ordered", "few", "silent", "first"} {
		if rules != nil && rules[rule] == 0 {
			t.Errorf("%s never fires: the test shows nothing of it (%v)", rule, rules)
		}
	}
	if rules != nil && (stats.Late == 0 || stats.Dropped == 0 || stats.Flooded == 0) {
		t.Errorf("no bound was reached: %+v", stats)
	}
	ways := 4
	if testing.Short() {
		ways = 2
	}
	for i := range ways {
		var cuts []int
		for at := 1 + r.IntN(40); at < len(all); at += 1 + r.IntN([]int{12, 80, 20, 200}[i]) {
			cuts = append(cuts, at)
		}
		got, gotStats := fired(t, o, all, i < 2, cuts...)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("cut at %v:\n%s", cuts, d)
		}
		if gotStats != stats {
			t.Errorf("cut at %v: counted %+v, want %+v", cuts, gotStats, stats)
		}
	}
}

// newOnes is a baseline that finds every value unusual it has no mark of.
type newOnes struct{}

func (newOnes) Observe(state []byte, o Observation) ([]byte, string, error) {
	mark := byte(o.Values[0][0])
	if slices.Contains(state, mark) {
		return state, "", nil
	}
	return append(slices.Clone(state), mark), "first time", nil
}

// TestErased: what a firing has of a record goes when the record is erased, and from the file, too; its positions stay.
func TestErased(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	v, err := Open(ctx, dir, Options{Rules: compile(t, correlation("type: event_count, rules: [a], timespan: 10m, condition: {lt: 5}")+"---\ntitle: B\nid: single\nlogsource: {product: claude}\ndetection: {s: {type: a}, condition: s}\n")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list := stored([]happening{{kind: "a", who: "hidden.person@example.com", at: 1}, {kind: "a", who: "other@example.com", at: 1}})
	order := &audit.Record{
		Version: 1, ID: "o", Normaliser: "t", Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Outcome: audit.OutcomeSuccess,
		Occurred: noon.Add(2 * time.Minute), Recorded: noon.Add(2 * time.Minute), Attributes: audit.ErasureAttrs([]audit.Ordered{{Position: 1}}),
	}
	if err := v.Apply(ctx, list); err != nil {
		t.Fatal(err)
	}
	if err := v.Apply(ctx, []journal.Stored{{Seq: 3, Bytes: order.AppendCanonical(nil)}}); err != nil {
		t.Fatal(err)
	}
	got, err := v.List(ctx, Filter{Rule: "single"})
	if err != nil || len(got) != 2 {
		t.Fatalf("%v %v", got, err)
	}
	for _, f := range got {
		if gone := f.Group == nil && f.Fields == nil && f.Erased && strings.Contains(f.Sentence, "erased"); gone != (f.Seq == 1) || len(f.Seqs) != 1 {
			t.Errorf("%+v", f)
		}
	}
	for _, suffix := range []string{"", "-wal"} {
		if raw, err := os.ReadFile(Path(dir) + suffix); err == nil && strings.Contains(string(raw), "hidden.person") {
			t.Errorf("detect.db%s still names the account", suffix)
		}
	}
	if raw, err := os.ReadFile(Path(dir)); err != nil || !strings.Contains(string(raw), "other@example.com") {
		t.Errorf("the other account should be there: %v", err)
	}
}

// TestUse: other rules count from now on; a correlation that has not changed goes on with what it holds.
func TestUse(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	kept := correlation("type: event_count, rules: [a], timespan: 10m, condition: {gte: 3}")
	v, err := Open(ctx, t.TempDir(), Options{Rules: compile(t, kept)})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list := stored([]happening{{kind: "a", who: "dana", at: 0}, {kind: "a", who: "dana", at: 1}, {kind: "a", who: "dana", at: 2}})
	if err := v.Apply(ctx, list[:2]); err != nil {
		t.Fatal(err)
	}
	v.Use(compile(t, kept+"---\ntitle: New\nid: new\nlogsource: {product: claude}\ndetection: {s: {type: a}, condition: s}\n"))
	if err := v.Apply(ctx, list[2:]); err != nil {
		t.Fatal(err)
	}
	got, err := v.After(ctx, Cursor{}, 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if n, err := v.Count(ctx, "new", noon); n != 1 || err != nil {
		t.Errorf("%d of the new rule, %v", n, err)
	}
	one, found, err := v.Get(ctx, got[0].ID)
	if d := cmp.Diff(got[0], one); !found || err != nil || d != "" {
		t.Errorf("%v %v %s", found, err, d)
	}
	if behind, err := v.After(ctx, got[0].Cursor(), 10); err != nil || len(behind) != 1 || behind[0].ID != got[1].ID {
		t.Errorf("%+v %v", behind, err)
	}
	if on, err := v.List(ctx, Filter{Seq: 2}); err != nil || len(on) != 1 || on[0].Rule != "together" {
		t.Errorf("%+v %v", on, err)
	}
}

// TestRebuild: a rebuild gives the same firings under the same ids, and a replay counts them by day.
func TestRebuild(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	o := Options{Rules: compile(t, correlation("type: event_count, rules: [a], timespan: 10m, condition: {gte: 3}"))}
	var list []happening
	for day := range 3 {
		for i := range 3 + day {
			list = append(list, happening{kind: "a", who: "dana", at: float64(day*24*60 + i)}, happening{kind: "b", who: "dana", at: float64(day*24*60 + i)})
		}
	}
	all := stored(list)
	dir := t.TempDir()
	if err := Rebuild(ctx, dir, o, scanned(all), nil); err != nil {
		t.Fatal(err)
	}
	v, err := OpenReader(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	rebuilt, err := v.After(ctx, Cursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := fired(t, o, all, false, 3, 7, 11)
	if d := cmp.Diff(want, rebuilt); d != "" || len(want) == 0 {
		t.Error(d)
	}
	if err := v.Apply(ctx, all); err == nil {
		t.Error("a view that is open for reading takes records in")
	}
	days, err := Replay(ctx, scanned(all), o, noon.Add(24*time.Hour), noon.Add(72*time.Hour), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	day := noon.Truncate(24 * time.Hour)
	wantDays := []Day{{"b", day.AddDate(0, 0, 1), 4}, {"together", day.AddDate(0, 0, 1), 1}, {"b", day.AddDate(0, 0, 2), 5}, {"together", day.AddDate(0, 0, 2), 1}}
	if d := cmp.Diff(wantDays, slices.DeleteFunc(days, func(d Day) bool { return d.Rule == "c" })); d != "" {
		t.Error(d)
	}
}

// scanned reads a list as the journal is read.
type scanned []journal.Stored

func (s scanned) Last(context.Context) (uint64, error) { return uint64(len(s)), nil }

func (s scanned) Scan(context.Context, uint64, uint64) iter.Seq2[journal.Stored, error] {
	return func(yield func(journal.Stored, error) bool) {
		for _, one := range s {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// TestForget: who has no rules takes away what is erased and leaves everything else, the position included, to who has.
func TestForget(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	o := Options{Rules: compile(t, correlation("type: event_count, rules: [a], timespan: 10m, condition: {gte: 3}")+"---\ntitle: B\nid: single\nlogsource: {product: claude}\ndetection: {s: {type: a}, condition: s}\n")}
	a := func(at float64) happening { return happening{kind: "a", who: "dana@example.com", at: at} }
	list := stored([]happening{a(0), a(1)})
	order := &audit.Record{
		Version: 1, ID: "o", Normaliser: "t", Source: audit.SourceTripod, Activity: audit.ActivityErasure, Type: audit.TypeEraseRecords, Outcome: audit.OutcomeSuccess,
		Recorded: noon, Occurred: noon,
		Attributes: audit.ErasureAttrs([]audit.Ordered{{Position: 1}}),
	}
	list = append(list, journal.Stored{Seq: 3, Bytes: order.AppendCanonical(nil)}, stored([]happening{a(0), a(0), a(0), a(2)})[3])
	list[3].Seq = 4
	apply := func(o Options, batch []journal.Stored) (at uint64) {
		t.Helper()
		v, err := Open(ctx, dir, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Apply(ctx, batch); err != nil {
			t.Fatal(err)
		}
		if at, err = v.Position(ctx); err != nil {
			t.Fatal(err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		return at
	}
	apply(o, list[:2])
	if at := apply(Options{Forget: true}, list[2:]); at != 2 {
		t.Errorf("at %d", at)
	}
	raw, err := os.ReadFile(Path(dir))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(raw), `"account":"dana@example.com"`); n != 1 {
		t.Errorf("the account stands in %d firings, want 1", n)
	}
	apply(o, list[2:])
	v, err := OpenReader(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if got, err := v.List(ctx, Filter{}); err != nil || len(got) != 3 || slices.ContainsFunc(got, func(f Firing) bool { return f.Rule == "together" }) {
		t.Errorf("%d firings of single records and none of three, of which one was erased: %+v, %v", 3, got, err)
	}
}

// TestBounds: what a bound costs is counted, and health says so.
func TestBounds(t *testing.T) {
	t.Parallel()
	h := new(health.Registry)
	var list []happening
	for i := range 20 {
		list = append(list, happening{kind: "a", who: "dana", at: float64(i) / 10}, happening{kind: "c", at: float64(i) / 10})
	}
	o := Options{Rules: compile(t, correlation("type: event_count, rules: [a], timespan: 10m, condition: {gte: 30}")), Limits: Limits{Events: 5, PerHour: 7}, Health: h}
	got, stats := fired(t, o, stored(list), false, 10)
	if len(got) != 7 || stats.Flooded != 13 || stats.Dropped != 15 {
		t.Errorf("%d firings, %+v", len(got), stats)
	}
	if c := h.Conditions(); len(c) != 1 || c[0].Code != ConditionLimits || !strings.Contains(c[0].Text, "15 records") || !strings.Contains(c[0].Text, "13 firings") {
		t.Errorf("%+v", c)
	}
}
