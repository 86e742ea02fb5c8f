package fleet_test

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// one is a world in which a single prompt is given, and its client tells it in one export.
func one(protocol, version string) acts {
	return prompts(protocol, version, 1)
}

// prompts is a world with n prompts of one process, a minute apart.
func prompts(protocol, version string, n int) acts {
	p := &world.Process{
		ID: "proc_1", Account: &world.Account{}, Claims: &world.Account{Email: "dana@lab.example", UUID: "u", User: "user_01"}, Start: monday.Add(time.Hour), Begin: "fresh",
		Device: &world.Device{ID: "d0", Name: "host", OSType: "linux", OS: "6.8", Arch: "amd64"},
		Client: world.Client{Product: world.ClaudeCode, Version: version, Protocol: protocol, Gates: world.Gates{Prompts: true}, Interval: 5 * time.Second},
	}
	var list acts
	for i := range n {
		list = append(list, world.Act{
			ID: "act_" + strconv.Itoa(i), At: p.Start.Add(time.Duration(i) * time.Minute), Kind: world.Prompt, Process: p, Account: p.Account, Device: p.Device,
			Surface: audit.SurfaceClaudeCode, Keys: audit.Keys{Session: "s", Prompt: "p" + strconv.Itoa(i), Message: "m"}, Seen: []audit.Source{audit.SourceOTelLog},
			Prompt: &world.PromptAct{Text: "hello"},
		})
	}
	return list
}

// TestDropsAndRetriesAsTheClientDoes: 429, 502, 503 and 504 are tried again, every other refusal loses the export.
func TestDropsAndRetriesAsTheClientDoes(t *testing.T) {
	t.Parallel()
	f := func(code, wantTries int, wantTaken bool) {
		t.Helper()
		s := newSink(t, func(n int, _ request) int {
			if n == 0 {
				return code
			}
			return http.StatusOK
		})
		report, err := newFleet(t, fleet.Config{World: one("http/protobuf", "2.1.330"), HTTP: s.URL}).History(t.Context(), monday, monday.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		if len(s.requests) != wantTries || (len(s.taken()) > 0) != wantTaken || report.Retries != wantTries-1 || (report.Records == 1) != wantTaken {
			t.Errorf("%d: %d tries, %d taken, report %+v", code, len(s.requests), len(s.taken()), report)
		}
		if !wantTaken && (len(report.Refused) != 1 || report.Refused[0].Records[0].Act != "act_0" || report.Refused[0].Reason == "") {
			t.Errorf("%d: refused %+v", code, report.Refused)
		}
	}
	f(200, 1, true)
	f(503, 2, true)
	for _, code := range []int{400, 401, 403, 404, 413, 500} {
		f(code, 1, false)
	}
}

// TestGivesUp: an export that is refused until the client's patience ends is gone, and the rest goes on.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	s := newSink(t, func(n int, r request) int {
		if n < 6 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	f := newFleet(t, fleet.Config{World: prompts("http/protobuf", "2.1.330", 3), HTTP: s.URL, Exact: true})
	report, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if report.Events != 2 || len(report.Refused) != 1 || report.Retries != 5 || report.Refused[0].Number != 0 {
		t.Errorf("report %+v", report)
	}
}

// TestMissedLeavesAHole: what an act says is missed uses up its number and never arrives.
func TestMissedLeavesAHole(t *testing.T) {
	t.Parallel()
	a := prompts("http/json", "2.1.330", 5)
	for _, i := range []int{1, 3} {
		a[i].Seen, a[i].Missed = nil, []audit.Source{audit.SourceOTelLog}
	}
	a[4].Seen = nil // nobody tells of it: no number
	s := newSink(t, nil)
	report, err := newFleet(t, fleet.Config{World: a, HTTP: s.URL}).History(t.Context(), monday, monday.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range s.logs() {
		got = append(got, attr(l.Attributes(), "event.sequence"))
	}
	if !slices.Equal(got, []string{"0", "2"}) || report.Missed != 2 {
		t.Errorf("sequences %v, missed %d", got, report.Missed)
	}
}

// counted is how often each event arrived.
func counted(s *sink) map[string]int {
	n := map[string]int{}
	for _, l := range s.logs() {
		n[identify(l)]++
	}
	return n
}

// TestFaultsAreExactlyThoseReported: with faults on, what is lost, twice or late is what the report says, and the same again
// with the same seed.
func TestFaultsAreExactlyThoseReported(t *testing.T) {
	t.Parallel()
	day := func(faults fleet.Faults) (map[string]int, fleet.Report) {
		s := newSink(t, nil)
		f, _ := week(t, s, func(c *fleet.Config) { c.Faults, c.Exact = faults, true })
		r, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		return counted(s), r
	}
	whole, calm := day(fleet.Faults{})
	if len(calm.Lost)+len(calm.Duplicated)+len(calm.Reordered) > 0 {
		t.Fatal("faults without faults")
	}
	got, r := day(fleet.Faults{Seed: 3, Duplicates: 0.1, Reorder: 0.1, Loss: 0.1})
	if len(r.Lost) == 0 || len(r.Duplicated) == 0 || len(r.Reordered) == 0 {
		t.Fatalf("lost %d, twice %d, late %d: the day is too quiet", len(r.Lost), len(r.Duplicated), len(r.Reordered))
	}
	want := maps.Clone(whole)
	change := func(list []fleet.Export, by int) {
		for _, e := range list {
			for _, x := range e.Records {
				if x.Source == audit.SourceOTelLog {
					if whole[named(&x)] == 0 {
						t.Errorf("%s is reported and was never told", named(&x))
					}
					want[named(&x)] += by
				}
			}
		}
	}
	change(r.Lost, -1)
	change(r.Duplicated, +1)
	maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-reported +arrived):\n%s", diff)
	}
	again, r2 := day(fleet.Faults{Seed: 3, Duplicates: 0.1, Reorder: 0.1, Loss: 0.1})
	r.Elapsed, r2.Elapsed = 0, 0
	if diff := cmp.Diff(got, again) + cmp.Diff(r, r2); diff != "" {
		t.Errorf("another run with the same seed:\n%s", diff)
	}
	if other, _ := day(fleet.Faults{Seed: 4, Loss: 0.1}); cmp.Equal(other, got) {
		t.Error("another seed, the same faults")
	}
}

func seq(n int64) string {
	if n < 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// TestReorderKeepsEverything: late exports arrive after their successors, and all of them arrive.
func TestReorderKeepsEverything(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	f := newFleet(t, fleet.Config{World: prompts("http/protobuf", "2.1.330", 40), HTTP: s.URL, Exact: true, Faults: fleet.Faults{Reorder: 0.4}})
	r, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	falls, last := 0, -1
	seen := map[int]bool{}
	for _, l := range s.logs() {
		n, err := strconv.Atoi(attr(l.Attributes(), "event.sequence"))
		if err != nil {
			t.Fatal(err)
		}
		if n < last {
			falls++
		}
		last = n
		seen[n] = true
	}
	late := len(slices.DeleteFunc(r.Reordered, func(e fleet.Export) bool { return e.Signal != "logs" }))
	if len(seen) != 40 || falls == 0 || falls != late {
		t.Errorf("%d arrived, order broken %d times, reported %d", len(seen), falls, late)
	}
}

// TestOddFormsKeepEverything: odd exports hold the records they would have held, and each form is what its name says.
func TestOddFormsKeepEverything(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http/json", "http/protobuf"} {
		s, odd := newSink(t, nil), newSink(t, nil)
		day := func(s *sink, share float64) fleet.Report {
			f, _ := week(t, s, func(c *fleet.Config) {
				c.World, c.Exact, c.Faults = speaking{c.World, protocol}, true, fleet.Faults{Odd: share}
			})
			r, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		plain, r := day(s, 0), day(odd, 1)
		if plain.Records != r.Records || len(r.Odd) != r.Exports || len(plain.Odd) > 0 {
			t.Fatalf("%d records, %d in odd forms; %d of %d exports are odd", plain.Records, r.Records, len(r.Odd), r.Exports)
		}
		body := ""
		for _, q := range odd.taken() {
			body += string(q.body)
		}
		seen := map[string]bool{}
		for _, e := range r.Odd {
			seen[e.Reason] = true
		}
		want := map[string]string{"undefined": "worktree.name", "empty_double": "sampling.ratio", "unheard_of": "hunter2", "quoted_ints": "", "anonymous": ""}
		if protocol == "http/json" {
			want["undefined"], want["empty_double"], want["quoted_ints"] = `"worktree.name","value":{}}`, `"sampling.ratio","value":{"doubleValue":{}}}`, `{"intValue":"`
		}
		for name, text := range want {
			if !seen[name] || !strings.Contains(body, text) {
				t.Errorf("%s: %s is not among %v, or does not show", protocol, name, seen)
			}
		}
	}
}

// TestRefusesNonsense: what cannot be a fleet is said at once.
func TestRefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, cfg := range []fleet.Config{
		{HTTP: "127.0.0.1:4318"}, {HTTP: "http://"}, {HTTP: "http://x", GRPC: "nowhere"}, {HTTP: "http://x", Faults: fleet.Faults{Loss: 2}}, {HTTP: "http://x", Faults: fleet.Faults{Loss: -1}},
	} {
		cfg.World, cfg.Org, cfg.Logger = acts{}, &world.Org{}, slog.New(slog.DiscardHandler)
		if _, err := fleet.New(cfg); err == nil {
			t.Errorf("%+v is accepted", cfg)
		}
	}
}
