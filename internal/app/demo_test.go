package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// demoOptions are those of a demo on a directory of its own that ends as soon as its history is in.
func demoOptions(tb testing.TB) DemoOptions {
	cfg := config.Default()
	dir, free := tb.TempDir(), "127.0.0.1:0"
	cfg.Override(config.Overrides{Data: &dir, ListenConsole: &free, ListenOTLPHTTP: &free, ListenOTLPGRPC: &free, ListenGateway: &free})
	return DemoOptions{Config: cfg, Logger: slog.New(slog.DiscardHandler), Seed: 1, For: time.Nanosecond}
}

// part is an act of an incident, as far as it matters whether a history shows it.
type part struct {
	at, begin time.Time // of the act; of its process, or of the act where there is none
	after     bool      // no longer part of it: the first thing its process tells afterwards, if it tells anything
}

// incidents are what a history must hold to show each incident, one entry for each time it happens.
func incidents(w *world.World, from, to time.Time) map[world.Incident][][]part {
	all := map[world.Incident][][]part{}
	acts := w.Between(from, to)
	for _, i := range world.Incidents() {
		for at, over := w.When(i, from); at.Before(to); at, over = w.When(i, over) {
			var parts []part
			var process *world.Process
			for n := range acts {
				a := &acts[n]
				mine := a.Incident == i && !a.At.Before(at.Add(-time.Hour)) && a.At.Before(over.Add(time.Hour))
				p := part{at: a.At, begin: a.At}
				if a.Process != nil {
					p.begin = a.Process.Start
				}
				switch {
				case mine:
					parts, process = append(parts, p), a.Process
				case process != nil && a.Process == process && len(a.Seen) > 0 && !parts[len(parts)-1].after:
					p.after = true
					parts = append(parts, p)
				}
			}
			all[i] = append(all[i], parts)
		}
	}
	return all
}

// TestDemoBegin: whenever a demo is started, each incident is told whole at least once, and what shows it.
func TestDemoBegin(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		w := world.New(world.Options{Seed: seed})
		monday := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*int(seed))
		all := incidents(w, monday.AddDate(0, 0, -7), monday.AddDate(0, 0, 7))
		longer := 0
		for end := monday; end.Before(monday.AddDate(0, 0, 7)); end = end.Add(7 * time.Minute) {
			from := demoBegin(w, end)
			if d := end.Sub(from); d < demoHistory || d >= demoHistory+6*time.Hour {
				t.Errorf("a history to %s is of %s", end, d)
			}
			if end.Sub(from) > demoHistory {
				longer++
			}
			for i, list := range all {
				if !holdsOne(list, from, end) {
					t.Errorf("a history from %s to %s does not show %s", from.Format(time.RFC3339), end.Format(time.RFC3339), i)
				}
			}
		}
		if len(all) != len(world.Incidents()) || longer == 0 || longer > 500 {
			t.Errorf("%d incidents, %d of 1,440 histories are longer than a week", len(all), longer)
		}
	}
}

// holdsOne reports whether a history holds one of the times an incident happened.
func holdsOne(list [][]part, from, to time.Time) bool {
	for _, parts := range list {
		whole := len(parts) > 0
		for _, p := range parts {
			whole = whole && !p.begin.Before(from) && p.at.Before(to)
		}
		if whole {
			return true
		}
	}
	return false
}

// TestDemoInterrupted: somebody who ends a demo while its history is played sees no error.
func TestDemoInterrupted(t *testing.T) {
	t.Parallel()
	o := demoOptions(t)
	o.Started = func(DemoStarted) { t.Error("the history was in: it was not interrupted") }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := ReadAddrs(o.Config.Data); err == nil {
				return
			}
		}
	}()
	if err := Demo(ctx, o); err != nil {
		t.Error(err)
	}
	if s, err := Summarise(t.Context(), o.Config.Data); err != nil || !s.Verified || s.BySource[string(audit.SourceTripod)] == 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// BenchmarkDemoWeek is how long the clients' side of a demo's week takes until it can be searched.
func BenchmarkDemoWeek(b *testing.B) {
	records := 0
	for b.Loop() {
		o := demoOptions(b)
		o.Started = func(d DemoStarted) { records += d.History.Records }
		if err := Demo(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(records)/float64(b.N), "records")
}
