package console_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

func TestHealthPage(t *testing.T) {
	t.Parallel()
	var b *consoletest.Bench
	b = consoletest.New(t, consoletest.Options{Configure: func(_ *console.Config, deps *console.Deps) {
		deps.Standing = func(context.Context) page.Standing {
			s := console.MeasureDir(b.Dir)
			s.Free = 42_500_000_000
			s.Listeners = []page.Listener{{Name: "otlp", Address: "127.0.0.1:4318", Protection: "bearer token"}, {Name: "gateway"}}
			s.Owners = map[string]string{"otel.log": "Platform team"}
			s.Backlog = map[string]string{"otel.log": "38 %, about 2 min left"}
			return s
		}
	}})
	now := time.Now()
	b.Submit("fleet", captured(t, "files-full", now.Add(-2*time.Minute))...)
	b.CatchUp()
	b.SignIn()
	a := b.Get("/health")
	consoletest.CheckInert(t, "health", a.Body)
	holds(t, "health", a.Body, "Nothing is raised", "otel.log", "Platform team", "none named", "39.6 GiB", "127.0.0.1:4318", "bearer token", "does not listen",
		"catches up", "38 %, about 2 min left", "Never seen:", "gateway.llm", "journal.db*", "last checkpoint")
	if strings.Contains(a.Body, "not there") {
		t.Error("a part of the data directory was not found")
	}
	b.Health.Raise("journal.full", health.Critical, "no room left: make room")
	later := now.Add(2 * time.Hour)
	b.Clock.Store(&later)
	a = b.Get("/health/now")
	holds(t, "later", a.Body, "journal.full", "no room left: make room", "silent since, ")
	if strings.Contains(a.Body, "<html") || strings.Contains(a.Body, "Nothing is raised") {
		t.Errorf("the refresh: %s", a.Body)
	}
	if n := len(b.Own("tripod.console.open")); n != 2 {
		t.Errorf("%d openings recorded; a refresh two hours later is a look of its own", n)
	}
}

// TestHealthRefreshNeedsItsPage wants no look at health that is not on record.
func TestHealthRefreshNeedsItsPage(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	b.SignIn()
	f := func(name, path string, want int) {
		t.Helper()
		if a := b.Get(path); a.Status != http.StatusOK {
			t.Errorf("%s: %d", name, a.Status)
		}
		if n := len(b.Own(console.TypeOpen)); n != want {
			t.Errorf("%s: %d openings on record, want %d", name, n, want)
		}
	}
	f("never opened", "/health/now", 1)
	f("again", "/health/now", 1)
	f("the page", "/health", 2)
	f("its refresh", "/health/now", 2)
}

// TestHealthDegradesPartByPart shows what can be read beside what cannot.
func TestHealthDegradesPartByPart(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	broken := errors.New("index is damaged")
	var err error
	b.Console, err = console.New(console.Config{URL: b.Server.URL}, console.Deps{SignIn: b.SignIns,
		Record: func(ctx context.Context, act intake.Act) error {
			_, err := b.Door.Record(ctx, act, nil)
			return err
		},
		Reader: reading.New(reading.Parts{Journal: b.Journal.Reader(), Dir: t.TempDir(), Serving: true,
			Search: func(context.Context) (search.Reader, error) { return nil, broken },
			Found:  func(context.Context) (reading.Discrepancies, error) { return b.Found, nil },
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Submit("fleet", captured(t, "t1", time.Now())...)
	b.SignIn()
	a := b.Get("/health")
	if a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	holds(t, "health", a.Body, "cannot be read", "tripod serve opens the search view again by itself", "journal at", "not known")
	if strings.Contains(a.Body, "index is damaged") {
		t.Error("the page shows the inside of an error")
	}
}
