package world_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

var weekStart = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

func weekOf(w *world.World, start time.Time) []world.Act {
	return w.Between(start, start.AddDate(0, 0, 7))
}

// flat is an act with names for what it points at, so that it can be written as JSON. The outer fields hide the inner.
type flat struct {
	world.Act
	Account, Device string
	Process         *flatProcess
}

type flatProcess struct {
	world.Process
	Account, Claims, Device, Project string
	Servers                          []string
}

func flatten(a world.Act) flat {
	f := flat{Act: a, Account: a.Account.Email}
	if a.Device != nil {
		f.Device = a.Device.Name
	}
	if p := a.Process; p != nil {
		f.Process = &flatProcess{Process: *p, Account: p.Account.Email, Claims: p.Claims.Email, Device: p.Device.Name + p.Device.ID, Project: p.Project.Name}
		for _, srv := range p.Servers {
			f.Process.Servers = append(f.Process.Servers, srv.Name)
		}
	}
	return f
}

func encode(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// digest is a hash of everything there is to see of a world in a stretch of time.
func digest(t testing.TB, w *world.World, acts []world.Act) string {
	t.Helper()
	h := sha256.New()
	write := func(v any) { h.Write([]byte(encode(t, v) + "\n")) }
	write(w.Org)
	for _, a := range w.Accounts {
		write(struct {
			world.Account
			Devices int
			Zone    string
		}{*a, len(a.Devices), a.Zone.String()})
	}
	for _, d := range w.Devices {
		write(struct {
			world.Device
			Owner string
		}{*d, d.Owner.Email})
	}
	write(w.Servers)
	write(w.Projects)
	for _, a := range acts {
		write(flatten(a))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestSameSeedSameWorld(t *testing.T) {
	t.Parallel()
	one, two, other := world.New(world.Options{Seed: 7}), world.New(world.Options{Seed: 7}), world.New(world.Options{Seed: 8})
	two.Between(weekStart.AddDate(0, -3, 0), weekStart.AddDate(0, -3, 2)) // what was asked before changes nothing
	tuesday := func(w *world.World) string {
		return digest(t, w, w.Between(weekStart.AddDate(0, 0, 1), weekStart.AddDate(0, 0, 2)))
	}
	a, b, c := tuesday(one), tuesday(two), tuesday(other)
	if a != b {
		t.Error("one seed gave two worlds")
	}
	if a == c {
		t.Error("two seeds gave one world")
	}
}

// TestGolden notices any change of what seed 1 tells. Documents and screenshots rest on it: change the digest knowingly.
func TestGolden(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	var live []world.Act
	for n := range 20 {
		live = append(live, w.Live(n, weekStart)...)
	}
	got := map[string]string{"week": digest(t, w, weekOf(w, weekStart)), "live": digest(t, w, live)}
	const file = "testdata/golden.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		b, err := json.MarshalIndent(got, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]string
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for name := range got {
		if got[name] != want[name] {
			t.Errorf("%s of seed 1 is %s, was %s; if it should be, run with UPDATE_GOLDEN=1", name, got[name], want[name])
		}
	}
}

func TestWindowsCompose(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		w := world.New(world.Options{Seed: seed})
		// Tuesday evening to Wednesday noon, cut at an odd time while somebody works.
		from := weekStart.Add(time.Duration(43+seed)*time.Hour + 11*time.Minute)
		cut, to := from.Add(time.Hour+time.Duration(seed)*317*time.Second), from.Add(4*time.Hour)
		whole, parts := w.Between(from, to), append(w.Between(from, cut), w.Between(cut, to)...)
		if len(whole) == 0 || len(whole) != len(parts) {
			t.Errorf("seed %d: %d acts in one, %d in two parts", seed, len(whole), len(parts))
			continue
		}
		for i := range whole {
			if a, b := encode(t, flatten(whole[i])), encode(t, flatten(parts[i])); a != b {
				t.Errorf("seed %d: %s in one, %s in two parts", seed, a, b)
			}
		}
	}
}

func TestOrderAndBounds(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 3})
	from, to := weekStart.Add(30*time.Hour), weekStart.Add(80*time.Hour)
	acts := w.Between(from, to)
	for i, a := range acts {
		if a.At.Before(from) || !a.At.Before(to) || a.At.Location() != time.UTC || a.At.Nanosecond()%1e6 != 0 {
			t.Fatalf("%s at %s", a.ID, a.At)
		}
		if i > 0 && (acts[i-1].At.After(a.At) || acts[i-1].At.Equal(a.At) && acts[i-1].ID >= a.ID) {
			t.Fatalf("%s does not come after %s", a.ID, acts[i-1].ID)
		}
	}
	if n := len(w.Between(world.Last, world.Last.AddDate(1, 0, 0))) + len(w.Between(world.First.AddDate(-1, 0, 0), world.First)); n != 0 {
		t.Errorf("%d acts outside the world", n)
	}
}

// TestOneProcess: acts of one process point at one Process, and its ID is the same in every answer.
func TestOneProcess(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 4})
	byID := map[string]*world.Process{}
	byAct := map[string]string{}
	for _, a := range weekOf(w, weekStart) {
		if a.Process == nil {
			continue
		}
		if p := byID[a.Process.ID]; p != nil && p != a.Process {
			t.Fatalf("process %s twice", p.ID)
		}
		byID[a.Process.ID] = a.Process
		byAct[a.ID] = a.Process.ID
	}
	for _, a := range w.Between(weekStart.Add(40*time.Hour), weekStart.Add(44*time.Hour)) {
		if a.Process != nil && byAct[a.ID] != a.Process.ID {
			t.Fatalf("%s: process %s, was %s", a.ID, a.Process.ID, byAct[a.ID])
		}
	}
}

// TestSize holds a week to what a demo can take in within seconds.
func TestSize(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		w := world.New(world.Options{Seed: seed})
		clients, control := 0, 0
		reports := map[string]int{}
		for _, a := range weekOf(w, weekStart) {
			if a.Kind == world.Change {
				control++
			} else {
				clients++
			}
			for _, s := range a.Seen {
				reports[string(s)]++
			}
		}
		if clients < 4_500 || clients > 9_000 || control < 1_500 || control > 3_500 {
			t.Errorf("seed %d: %d acts in clients, %d of the control plane", seed, clients, control)
		}
		for _, s := range []string{"otel.log", "otel.span", "compliance.activity", "compliance.chat", "compliance.session", "gateway.llm", "gateway.mcp"} {
			if reports[s] < 20 {
				t.Errorf("seed %d: %s sees %d acts", seed, s, reports[s])
			}
		}
	}
}

func TestActivityTypes(t *testing.T) {
	t.Parallel()
	f, err := os.Open("testdata/activity-types.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	known := map[string]bool{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		known[sc.Text()] = true
	}
	w := world.New(world.Options{Seed: 1})
	for _, a := range weekOf(w, weekStart) {
		if (a.Kind == world.Change) != (a.Control != nil) {
			t.Errorf("%s: kind %s, control %v", a.ID, a.Kind, a.Control)
		} else if a.Control != nil && !known[a.Control.Type] {
			t.Errorf("%s: the vendor knows no activity %q", a.ID, a.Control.Type)
		}
	}
}

func TestLookUps(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	dana := w.Account("dana@nordwald.example")
	if dana == nil || len(dana.Devices) != 1 || w.Device(dana.Devices[0].Name) != dana.Devices[0] {
		t.Fatal("dana@ has no device that can be found by its name")
	}
	if w.Account("nobody@nordwald.example") != nil || w.Device("nothing") != nil {
		t.Error("found what there is not")
	}
	names := map[string]bool{}
	for _, d := range w.Devices {
		names[d.Name] = true
	}
	if len(names) != len(w.Devices) {
		t.Error("two devices have one name")
	}
	if n := len(w.Members(weekStart)); n < 55 || n > 75 {
		t.Errorf("%d members", n)
	}
}

func TestLive(t *testing.T) {
	t.Parallel()
	w := world.New(world.Options{Seed: 1})
	later := weekStart.Add(77 * time.Hour)
	seen := map[string]bool{}
	for n := range 60 {
		acts, again := w.Live(n, weekStart), w.Live(n, later)
		if len(acts) != len(again) || len(acts) < 5 {
			t.Fatalf("live %d: %d acts, then %d", n, len(acts), len(again))
		}
		for i, a := range acts {
			b := again[i]
			if a.ID != b.ID || a.Keys != b.Keys || !a.At.Add(later.Sub(weekStart)).Equal(b.At) {
				t.Fatalf("live %d: %s at %s, then %s at %s", n, a.ID, a.At, b.ID, b.At)
			}
			if a.Process == nil || !a.Process.Live || seen[a.ID] {
				t.Fatalf("live %d: %s", n, a.ID)
			}
			seen[a.ID] = true
		}
		first, last := acts[0], acts[len(acts)-1]
		if took := last.At.Sub(weekStart); first.At.Before(weekStart) || took < 40*time.Second || took > 150*time.Second {
			t.Errorf("live %d takes %s", n, took)
		}
		checkProcess(t, acts)
	}
}

func BenchmarkWeek(b *testing.B) {
	w := world.New(world.Options{Seed: 1})
	for b.Loop() {
		weekOf(w, weekStart)
	}
}

func BenchmarkNew(b *testing.B) {
	for n := 0; b.Loop(); n++ {
		if w := world.New(world.Options{Seed: uint64(n)}); w.Org.Name == strconv.Itoa(n) {
			b.Fatal(w.Org)
		}
	}
}
