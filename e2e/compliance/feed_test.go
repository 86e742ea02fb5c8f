package compliance

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/journal"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// patience bounds how long a test waits for what must come.
const patience = 2 * time.Minute

// enterprise is a simulated one whose Compliance API listens.
func enterprise(t *testing.T, change func(*simulated.Options)) (*simulated.API, string) {
	t.Helper()
	o := simulated.Options{World: world.New(world.Options{Seed: 11}), Seed: 11}
	if change != nil {
		change(&o)
	}
	vendor, err := simulated.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(vendor.Handler())
	t.Cleanup(server.Close)
	return vendor, server.URL
}

// configuration is what a first run has: nothing but a key and, for the stand-in, an address.
func configuration(t *testing.T, env map[string]string) config.Config {
	t.Helper()
	c := config.Default()
	c.Data = filepath.Join(t.TempDir(), "data")
	c.Listen = config.Listen{Console: "127.0.0.1:0"}
	c.Environment(func(name string) string { return env[name] })
	return c
}

// serve runs until the function it returns is called.
func serve(t *testing.T, c config.Config, log *strings.Builder) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	a, err := app.New(ctx, app.Options{Config: c, Version: "test", Logger: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func keyFile(t *testing.T, key string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// follow reads the journal, as it grows, until enough is there.
func follow(t *testing.T, dir string, enough func([]*audit.Record) bool) []*audit.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := journal.OpenReader(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var list []*audit.Record
	for {
		for s, err := range r.Scan(ctx, uint64(len(list))+1, 0) {
			if err != nil {
				t.Fatal(err)
			}
			rec, err := s.Record()
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, rec)
		}
		if enough(list) {
			return list
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d records after %v", len(list), patience)
		}
	}
}

// statements counts those of the activity feed.
func statements(records []*audit.Record) int {
	n := 0
	for _, r := range records {
		if feed, _ := r.Attributes.Get("feed"); r.Type == complianceapi.TypeStatement && feed.Str() == "compliance.activity" {
			n++
		}
	}
	return n
}

// slow leaves a test out of short runs, which are those with the race detector: what these tests play is whole weeks.
func slow(t *testing.T) {
	if testing.Short() {
		t.Skip("plays a week: one test of the package does for the race detector")
	}
}

// TestFeedIsTheJournal reads a month of an enterprise on a bad day of the vendor's, stops in the middle and goes on: what
// the feed shows is in the journal, each activity once.
func TestFeedIsTheJournal(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, func(o *simulated.Options) {
		o.Gallery = 60
		o.Faults = simulated.Faults{Duplicates: 0.02, Unknown: 0.01, Late: 0.02, Abort: 0.03, Internal: 0.03}
	})
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, vendor.Keys().Read), "TRIPOD_COMPLIANCE_URL": url})
	var log strings.Builder
	begin := time.Now()
	stop := serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool { return len(records) > 100 })
	stop()
	stop = serve(t, c, &log)
	records := follow(t, c.Data, func(records []*audit.Record) bool { return statements(records) >= 2 })
	stop()
	have := map[string]int{}
	for _, r := range records {
		if r.Source == audit.SourceComplianceActivity {
			have[r.ID]++
		}
	}
	from, to := begin.Add(-30*24*time.Hour).Truncate(time.Hour), begin.Add(-time.Hour).Truncate(time.Hour)
	truth := vendor.Truth(from.Add(time.Hour), to)
	for _, id := range truth {
		if have[id] != 1 {
			t.Errorf("%s is in the journal %d times", id, have[id])
		}
	}
	all := map[string]bool{}
	for _, id := range vendor.Truth(begin.Add(-32*24*time.Hour), time.Now()) {
		all[id] = true
	}
	for id := range have {
		if !all[id] {
			t.Errorf("%s is in the journal and not in the feed", id)
		}
	}
	t.Logf("%d activities, all read after %v", len(truth), time.Since(begin))
	if len(truth) < 1000 {
		t.Errorf("%d activities: the test shows little", len(truth))
	}
	key := vendor.Keys().Read
	for _, r := range records {
		if strings.Contains(string(r.AppendCanonical(nil)), key) {
			t.Fatal("the key is in a record")
		}
	}
	if strings.Contains(log.String(), key) {
		t.Error("the key is in the log")
	}
}

// TestKeys has keys that do not serve: each is a condition that says what to do, and a record.
func TestKeys(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, nil)
	f := func(name, key, reason string) {
		t.Run(name, func(t *testing.T) {
			c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, key), "TRIPOD_COMPLIANCE_URL": url})
			var log strings.Builder
			serve(t, c, &log)
			follow(t, c.Data, func(records []*audit.Record) bool {
				return slices.ContainsFunc(records, func(r *audit.Record) bool {
					v, _ := r.Attributes.Get("reason")
					return r.Type == trouble.TypeInterrupted && v.Str() == reason
				})
			})
		})
	}
	keys := vendor.Keys()
	f("of another kind", keys.Messages, "key_refused")
	f("made up", "sk-ant-api01-nobody-gave-this-out", "key_refused")
	f("that only deletes", keys.Delete, "forbidden")
	f("from before the switch", keys.AdminEarly, "forbidden")
}

// TestStandaloneOrganisation: a standalone Console organisation has the feed and nothing else, by an Admin API key.
func TestStandaloneOrganisation(t *testing.T) {
	slow(t)
	vendor, url := enterprise(t, nil)
	c := configuration(t, map[string]string{"TRIPOD_COMPLIANCE_KEY_FILE": keyFile(t, vendor.Keys().Standalone), "TRIPOD_COMPLIANCE_URL": url})
	var log strings.Builder
	serve(t, c, &log)
	follow(t, c.Data, func(records []*audit.Record) bool {
		return statements(records) >= 2 && outOfReach(records, "compliance.directory") && outOfReach(records, "compliance.settings")
	})
}

// outOfReach reports whether it is on record that a part of the API is not for a key of a Console organisation.
func outOfReach(records []*audit.Record, feed string) bool {
	return slices.ContainsFunc(records, func(r *audit.Record) bool {
		name, _ := r.Attributes.Get("feed")
		reason, _ := r.Attributes.Get("reason")
		return r.Type == trouble.TypeInterrupted && name.Str() == feed && reason.Str() == "console_key"
	})
}
