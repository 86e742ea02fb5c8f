package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/secret"
	simulated "github.com/tripod-audit/tripod/internal/simulate/complianceapi"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// metered is a simulated vendor as a transport that counts what it is asked. Requests and answers travel for a while.
type metered struct {
	handler http.Handler
	travel  time.Duration
	change  func(http.Header) // of answers
	ours    string            // key

	mu     sync.Mutex
	served []time.Time
	over   int // requests of ours beyond the budget
}

func (m *metered) RoundTrip(r *http.Request) (*http.Response, error) {
	time.Sleep(m.travel)
	w := httptest.NewRecorder()
	m.handler.ServeHTTP(w, r)
	m.count(w.Code, r.Header.Get("X-Api-Key") == m.ours)
	res := w.Result()
	if m.change != nil {
		m.change(res.Header)
	}
	time.Sleep(m.travel)
	return res, nil
}

func (m *metered) count(status int, ours bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case status != http.StatusTooManyRequests:
		m.served = append(m.served, time.Now())
	case ours:
		m.over++
	}
}

// used is the share of 600 a minute that was used, by whomever, from the beginning of the first minute of the server's to
// that of the last.
func (m *metered) used() float64 {
	begin := m.served[0]
	last, before := begin, 0
	for i, at := range m.served {
		if !at.Before(last.Add(time.Minute)) { // the first request after a minute begins the next
			last, before = at, i
		}
	}
	return float64(before) / (600 * last.Sub(begin).Minutes())
}

// TestBudgetIsUsed: a long back-fill uses the budget nearly whole and never asks beyond it, whoever else uses it and
// whatever the server says of it.
func TestBudgetIsUsed(t *testing.T) {
	t.Parallel()
	f := func(name string, travel time.Duration, lanes int, others time.Duration, change func(http.Header)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { budgetIsUsed(t, travel, lanes, others, change) })
		})
	}
	set := func(name, value string) func(http.Header) {
		return func(h http.Header) { h.Set("Anthropic-Ratelimit-Requests-"+name, value) }
	}
	f("alone", 20*time.Millisecond, 1, 0, nil)
	f("at once", 300*time.Millisecond, 8, 0, nil)
	f("with another user of the budget", 20*time.Millisecond, 1, 600*time.Millisecond, nil)
	f("with another user, at once", 300*time.Millisecond, 8, 350*time.Millisecond, nil)
	for _, name := range []string{"Limit", "Remaining", "Reset"} {
		f("without "+name, 20*time.Millisecond, 1, 0, func(h http.Header) { h.Del("Anthropic-Ratelimit-Requests-" + name) })
	}
	f("without Date", 20*time.Millisecond, 2, 0, func(h http.Header) { h.Del("Date") })
	f("reset is long past", 20*time.Millisecond, 1, 0, set("Reset", "2020-01-01T00:00:00Z"))
	f("reset is no time", 20*time.Millisecond, 1, 0, set("Reset", "soon"))
	f("limit of nothing", 20*time.Millisecond, 1, 0, set("Limit", "0"))
	f("negative remainder", 20*time.Millisecond, 1, 0, set("Remaining", "-1"))
	f("remainder that never falls", 20*time.Millisecond, 1, 0, set("Remaining", "599"))
}

func budgetIsUsed(t *testing.T, travel time.Duration, lanes int, others time.Duration, change func(http.Header)) {
	time.Sleep(time.Until(time.Date(2026, 11, 23, 12, 0, 0, 700e6, time.UTC)))
	vendor, err := simulated.New(simulated.Options{World: world.New(world.Options{Seed: 3}), Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	m := &metered{handler: vendor.Handler(), travel: travel, change: change, ours: vendor.Keys().Read}
	c, err := api.New(api.Options{
		URL: "https://vendor.example", Transport: m, Key: func(context.Context) (secret.String, error) { return secret.New(vendor.Keys().Read), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	long := 4 * time.Minute
	if testing.Short() { // with the race detector it takes ten times as long
		long = 2*time.Minute + 20*time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var done sync.WaitGroup
	for range lanes {
		done.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.Activities(ctx, api.Query{Limit: 1}, api.Backfill); err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
			}
		})
	}
	if others > 0 {
		done.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(others) {
				r := httptest.NewRequest(http.MethodGet, "/v1/compliance/activities?limit=1", nil)
				r.Header.Set("X-Api-Key", vendor.Keys().Read2)
				if _, err := m.RoundTrip(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	if m.over > 0 {
		t.Errorf("%d requests beyond the budget", m.over)
	}
	if used := m.used(); used < 0.95 {
		t.Errorf("%.1f %% of the budget was used, in %d requests", 100*used, len(m.served))
	} else {
		t.Logf("%.1f %%", 100*used)
	}
}
