package complianceapi_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/correlate"
)

// worlds is how many random worlds are tried.
func worlds() int {
	if os.Getenv("TRIPOD_SOAK") != "" {
		return 500
	}
	if testing.Short() {
		return 3
	}
	return 25
}

// TestExactlyOnce holds the journal against the feed in random worlds: rows that come late, ties, short pages, rows
// delivered twice, faults of every kind, and crashes between any two steps.
func TestExactlyOnce(t *testing.T) {
	for seed := range worlds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { exactlyOnce(t, rand.New(rand.NewPCG(uint64(seed), 1))) })
		})
	}
}

func exactlyOnce(t *testing.T, rng *rand.Rand) {
	const days = 30 * time.Hour
	v := newVendor()
	v.rng, v.noisy = rand.New(rand.NewPCG(rng.Uint64(), 2)), rng.IntN(2) == 0
	v.skew = time.Duration(rng.IntN(7200)-3600) * time.Second
	begin := time.Now()
	span := days + 60*time.Hour
	for i := range 100 + rng.IntN(400) {
		at := begin.Add(v.skew - 60*time.Hour + time.Duration(rng.Int64N(int64(span)))).Truncate(time.Duration(1+rng.IntN(3)) * time.Second)
		a := &activity{id: fmt.Sprintf("activity_%05d", i), at: at, indexed: at.Add(time.Duration(rng.IntN(60)) * time.Second)}
		if rng.IntN(10) == 0 { // late, but not later than a window is read for the last time
			a.indexed = at.Add(time.Duration(rng.Int64N(int64(23 * time.Hour))))
		}
		for range 1 + rng.IntN(3)*rng.IntN(2) { // ties
			tie := *a
			tie.id += fmt.Sprintf("_%d", rng.IntN(1<<30))
			v.add(&tie)
		}
	}
	v.faults = randomFaults(rng)
	b := open(t, v)
	cfg := complianceapi.Config{
		Lookback: 72 * time.Hour, Interval: 13 * time.Minute, PageSize: 20 + rng.IntN(200), Overlap: time.Duration(1+rng.IntN(10)) * time.Minute,
	}
	for time.Since(begin) < days { // lives that end in a crash, and what goes by until the next
		c := &crashtest.Crash{After: 1 + rng.IntN(200), Before: rng.IntN(2) == 0}
		stop := b.run(cfg, c)
		time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Hour))))
		stop()
		if rng.IntN(4) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(5 * time.Hour))))
		}
	}
	v.set(func() { v.faults = nil })
	cfg.Interval = time.Hour
	stop := b.run(cfg, nil)
	time.Sleep(49 * time.Hour) // until the last window has settled
	stop()
	v.set(func() { v.noisy = false }) // what it says of the calls that read it would never end
	time.Sleep(5 * time.Minute)
	stop = b.run(cfg, nil)
	time.Sleep(5 * time.Minute)
	stop()
	b.wantAll()
	if open := b.discrepancies(); len(open) > 0 {
		t.Errorf("nobody but Tripod called, and there are discrepancies: %v", open)
	}
	for _, r := range b.records() {
		if r.Supersedes != "" || r.HasFlag(audit.FlagMalformed) {
			t.Errorf("record %s supersedes %q, flags %v", r.ID, r.Supersedes, r.Flags)
		}
	}
}

// discrepancies are the open ones of a journal, as statements.
func (b *bench) discrepancies() (list []string) {
	b.t.Helper()
	dir, ctx := b.t.TempDir(), context.Background()
	if err := correlate.Rebuild(ctx, dir, b.journal.Reader(), nil); err != nil {
		b.t.Fatal(err)
	}
	view, err := correlate.OpenReader(ctx, dir)
	if err != nil {
		b.t.Fatal(err)
	}
	defer view.Close()
	found, err := view.List(ctx, correlate.Filter{State: correlate.StateOpen})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, d := range found {
		list = append(list, fmt.Sprint(d.Statement, " ", d.Details.Calls))
	}
	return list
}

// randomFaults makes a server that fails now and then, in every way its documentation names and some it does not.
func randomFaults(rng *rand.Rand) func(*http.Request, int) *http.Response {
	rng = rand.New(rand.NewPCG(rng.Uint64(), 3)) // the server asks from another goroutine
	rate := rng.IntN(30)
	return func(r *http.Request, _ int) *http.Response {
		if rng.IntN(100) >= rate {
			return nil
		}
		switch rng.IntN(10) {
		case 0:
			return fault(429, "rate_limit_error", "Compliance API rate limit of 600 requests per minute per parent organization has been exceeded.", "Retry-After", fmt.Sprint(1+rng.IntN(30)))
		case 1:
			return fault(429, "rate_limit_error", "exceeded")
		case 2:
			return fault(500, "api_error", "Internal server error")
		case 3:
			return fault(500, "api_error", "Internal server error", "X-Should-Retry", "false")
		case 4:
			return response(529, "overloaded, and no JSON")
		case 5:
			return &http.Response{Header: http.Header{}} // no answer at all
		case 6:
			return response(200, `{"data":[{"id":"activity_half`)
		case 7:
			return response(200, `{"data":[],"has_more":true,"first_id":null,"last_id":null}`)
		case 8:
			if r.URL.Query().Get("after_id") != "" {
				return fault(400, "invalid_request_error", "The page cursor has expired. Restart the walk without a page parameter.")
			}
			return fault(503, "overloaded_error", "Try again shortly.")
		}
		return fault(401, "authentication_error", "API key has been deactivated.")
	}
}
