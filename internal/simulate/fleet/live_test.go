package fleet_test

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// sessions is a world whose live sessions are all alike: a prompt at once, one after 7 s, and an end after 20 s.
type sessions struct{ acts }

func (sessions) Live(n int, start time.Time) []world.Act {
	list := prompts("http/json", "2.1.330", 3)
	p := list[0].Process
	p.ID, p.Start = fmt.Sprint("proc_", n), start
	for i, after := range []time.Duration{0, 7 * time.Second, 20 * time.Second} {
		list[i].At = start.Add(after)
		list[i].Keys.Session = fmt.Sprint("session_", n)
	}
	list[2].Kind, list[2].Prompt, list[2].Seen = world.Stop, nil, []audit.Source{}
	return list
}

// TestLiveKeepsTheClientsIntervals: each client exports five seconds after the first event it gathered, metrics each minute, and
// the rest as it ends; a session begins every four seconds; what was not sent at the end is gone.
func TestLiveKeepsTheClientsIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got answers
		begin := time.Now()
		f := newFleet(t, fleet.Config{World: sessions{}, HTTP: "http://receiver.test", Transport: &got})
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second+time.Millisecond)
		defer cancel()
		report, err := f.Live(ctx)
		if err != nil {
			t.Error(err)
		}
		// Sessions begin at 0, 4, 8 and 12 s and tell a prompt at once and one after 7 s.
		if logs := got.at("/v1/logs", begin); fmt.Sprint(logs) != "[5s 9s 12s 13s]" || report.Events != 4 {
			t.Errorf("logs at %v, report %+v", logs, report)
		}
	})
}

// TestLiveToTheEnd: a client that ends sends what it has, and its metrics.
func TestLiveToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var got answers
		begin := time.Now()
		f := newFleet(t, fleet.Config{World: sessions{}, HTTP: "http://receiver.test", Transport: &got, Pace: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if _, err := f.Live(ctx); err != nil {
			t.Error(err)
		}
		if logs := got.at("/v1/logs", begin); fmt.Sprint(logs) != "[5s 12s]" {
			t.Errorf("logs at %v", logs)
		}
	})
}

// TestLiveReportIsBounded: a receiver that refuses for hours does not fill the memory.
func TestLiveReportIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := answers{status: http.StatusForbidden}
		f := newFleet(t, fleet.Config{World: sessions{}, HTTP: "http://receiver.test", Transport: &got})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		report, err := f.Live(ctx)
		if err != nil {
			t.Error(err)
		}
		if n := len(got.requests); len(report.Refused) != 1000 || report.Unlisted["refused"] != n-1000 || n < 1500 {
			t.Errorf("%d refused exports are listed, %v are not, %d were sent", len(report.Refused), report.Unlisted, n)
		}
	})
}

// TestTriesAgainInItsRhythm: backoff begins at a second and grows by half, twenty per cent more or less; Retry-After goes before
// it; the client's patience ends it.
func TestTriesAgainInItsRhythm(t *testing.T) {
	t.Parallel()
	f := func(retryAfter string, patience time.Duration, check func([]time.Duration) bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			got := answers{status: http.StatusServiceUnavailable, retryAfter: retryAfter}
			begin := time.Now()
			f := newFleet(t, fleet.Config{World: one("http/json", "2.1.330"), HTTP: "http://receiver.test", Transport: &got, Patience: patience})
			report, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1))
			if err != nil || len(report.Refused) != 1 {
				t.Errorf("report %+v, %v", report, err)
			}
			if times := got.at("/v1/logs", begin); !check(times) || report.Retries != len(times)-1 {
				t.Errorf("tried at %v, %d retries", times, report.Retries)
			}
		})
	}
	f("", 0, func(at []time.Duration) bool {
		for i, want := range []float64{1, 1.5, 2.25, 3.375, 5} {
			if pause := (at[i+1] - at[i]).Seconds(); pause < want*0.79 || pause > want*1.21 {
				return false
			}
		}
		return len(at) == 6
	})
	f("3", 0, func(at []time.Duration) bool { return fmt.Sprint(at) == "[0s 3s 6s 9s 12s 15s]" })
	f("3", 10*time.Second, func(at []time.Duration) bool { return fmt.Sprint(at) == "[0s 3s 6s 9s]" })
	f("60", 0, func(at []time.Duration) bool { return len(at) == 1 })
}

// answers is a receiver without a network.
type answers struct {
	status     int // 0 means 200
	retryAfter string

	mu       sync.Mutex
	requests []answered // guarded by mu
}

type answered struct {
	path string
	at   time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests = append(a.requests, answered{r.URL.Path, time.Now()})
	res := &http.Response{StatusCode: cmp.Or(a.status, http.StatusOK), Header: http.Header{}, Body: http.NoBody, Request: r}
	if a.retryAfter != "" {
		res.Header.Set("Retry-After", a.retryAfter)
	}
	return res, nil
}

func (a *answers) at(path string, begin time.Time) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []time.Duration
	for _, r := range a.requests {
		if r.path == path {
			list = append(list, r.at.Sub(begin))
		}
	}
	return list
}
