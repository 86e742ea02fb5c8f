package world

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// sighting is what identifies one report of an act, as its client tells it and as the journal must hold it.
type sighting struct {
	Source  audit.Source
	Type    string
	Session string
	Prompt  string
	Request string
	ToolUse string
	Span    string
	At      string
}

func expected(e *fleet.Expected) sighting {
	return see(e.Source, e.Type, &e.Keys, e.At)
}

func see(source audit.Source, typ string, k *audit.Keys, at time.Time) sighting {
	s := sighting{
		Source: source, Type: typ, Session: k.Session, Prompt: k.Prompt, Request: k.Request, ToolUse: k.ToolUse,
		At: at.UTC().Format("2006-01-02T15:04:05.000"),
	}
	if source == audit.SourceOTelSpan { // occurred when it began, and is told when it ended
		s.Span, s.At = k.Span, ""
	}
	return s
}

// counts is a bag of sightings.
type counts map[sighting]int

// differences lists what one bag has more often than another, sorted and cut short.
func differences(a, b counts) []string {
	var list []string
	for s, n := range a {
		if d := n - b[s]; d > 0 {
			list = append(list, fmt.Sprintf("%d × %+v", d, s))
		}
	}
	slices.Sort(list)
	return list[:min(len(list), 10)]
}

func inJournal(records []*audit.Record) counts {
	c := counts{}
	for _, r := range records {
		if r.Source == audit.SourceOTelLog || r.Source == audit.SourceOTelSpan {
			c[see(r.Source, r.Type, &r.Keys, r.Occurred)]++
		}
	}
	return c
}

// truth is what the clients tell in a stretch of time, and what they tell of which nothing arrives.
func truth(w *world.World, from, to time.Time) (arrives, missed counts) {
	arrives, missed = counts{}, counts{}
	for _, e := range fleet.Told(w, &w.Org, from, to) {
		if e.Missed {
			missed[expected(&e)]++
		} else {
			arrives[expected(&e)]++
		}
	}
	return arrives, missed
}

// unseen lists the acts whose reports should have arrived and of which the journal has nothing under their keys; acts
// counts those looked for. Of a process that began before nothing is told.
func unseen(w *world.World, from, to time.Time, found counts) (list []string, acts int) {
	all := w.Between(from, to)
	for i := range all {
		a := &all[i]
		if a.Process == nil || a.Process.Start.Before(from) || !slices.Contains(a.Seen, audit.SourceOTelLog) {
			continue
		}
		for _, e := range fleet.Expect(a, &w.Org) {
			if e.Source != audit.SourceOTelLog || e.Missed || e.Told.Before(from) || !e.Told.Before(to) {
				continue
			}
			acts++
			if s := expected(&e); found[s] == 0 {
				list = append(list, fmt.Sprintf("%s %s of %s: %+v", a.ID, a.Kind, a.Account.Email, s))
			}
			break
		}
	}
	return list[:min(len(list), 10)], acts
}

const aWeek = 7 * 24 * time.Hour

// monday is the last Monday at 00:00, the same on every day of a week: a receiver flags what is older than a year, so the weeks
// here cannot be the same for ever.
func monday() time.Time { return time.Now().UTC().Truncate(aWeek) }

// week ends at a different moment for each seed, so that incidents and working days lie differently in it. No incident is
// under way at these hours.
func week(t *testing.T, seed uint64) (from, to time.Time) {
	to = monday().Add(-time.Duration(seed) * 6 * time.Hour)
	t.Logf("the week to %s", to.Format(time.RFC3339))
	return to.Add(-aWeek), to
}

func seeds(t *testing.T, all uint64) []uint64 {
	if testing.Short() {
		all = min(all, 1)
	}
	list := make([]uint64, all)
	for i := range list {
		list[i] = uint64(i + 1)
	}
	return list
}

// TestTruth finds every act of a week in the journal, by its keys, as often as it happened; and nothing else.
func TestTruth(t *testing.T) {
	if testing.Short() {
		t.Skip("TestFaults plays the same, and more")
	}
	for _, seed := range seeds(t, 20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := world.New(world.Options{Seed: seed})
			from, to := week(t, seed)
			s := newStand(t, w)
			report := s.play(t, w, from, to, fleet.Faults{})
			arrives, missed := truth(w, from, to)
			found := inJournal(s.records(t))
			lost, acts := unseen(w, from, to, found)
			for _, a := range lost {
				t.Errorf("an act that left no trace: %s", a)
			}
			if acts < 1000 {
				t.Errorf("only %d acts were looked for", acts)
			}
			for _, d := range differences(arrives, found) {
				t.Errorf("happened, and is not in the journal: %s", d)
			}
			for _, d := range differences(found, arrives) {
				t.Errorf("in the journal, and did not happen: %s", d)
			}
			total := 0
			for _, n := range missed {
				total += n
			}
			if total == 0 || report.Missed != total {
				t.Errorf("%d reports were kept from arriving, incidents account for %d", report.Missed, total)
			}
		})
	}
}

// TestFaults loses, doubles and reorders exports: exactly those lost are missing, and nothing is there twice.
func TestFaults(t *testing.T) {
	for _, seed := range seeds(t, 3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := world.New(world.Options{Seed: seed})
			from, to := week(t, seed)
			s := newStand(t, w)
			report := s.play(t, w, from, to, fleet.Faults{Seed: seed, Loss: 0.03, Duplicates: 0.1, Reorder: 0.1})
			if len(report.Lost) == 0 || len(report.Duplicated) == 0 || len(report.Reordered) == 0 {
				t.Fatalf("nothing was injected: %d lost, %d doubled, %d late", len(report.Lost), len(report.Duplicated), len(report.Reordered))
			}
			want, _ := truth(w, from, to)
			for _, e := range report.Lost {
				for _, r := range e.Records {
					if r.Source != audit.SourceOTelMetric && !r.Missed {
						want[expected(&r)]--
					}
				}
			}
			found := inJournal(s.records(t))
			for _, d := range differences(want, found) {
				t.Errorf("not lost, and not in the journal: %s", d)
			}
			for _, d := range differences(found, want) {
				t.Errorf("in the journal, and lost or doubled: %s", d)
			}
		})
	}
}
