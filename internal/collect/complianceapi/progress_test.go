package complianceapi_test

import (
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
)

// TestRequestsOfABacklog: a long history costs hardly more requests than it has pages.
func TestRequestsOfABacklog(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.add(every("activity", time.Now().Add(-20*24*time.Hour), 5*time.Minute, 20*288)...)
		cfg := config()
		cfg.Lookback, cfg.PageSize = 21*24*time.Hour, 20
		stop := b.run(cfg, nil)
		<-b.collector.CaughtUp()
		stop()
		const least = 20 * 288 / 20
		if asked := v.asked(); float64(asked) > 1.02*least {
			t.Errorf("%d requests for %d pages", asked, least)
		}
	})
}

// TestBackfillUsesTheBudget: reading a long history uses the vendor's budget nearly whole, and never asks beyond it.
func TestBackfillUsesTheBudget(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin.Add(-20*24*time.Hour), 5*time.Minute, 20*288)...)
		v.rate, v.travel = 120, 100*time.Millisecond
		refused := 0
		v.faults = func(*http.Request, int) *http.Response {
			if time.Since(v.minute) < time.Minute && v.used >= v.rate {
				refused++
			}
			return nil
		}
		cfg := config()
		cfg.Lookback, cfg.PageSize = 21*24*time.Hour, 10
		stop := b.run(cfg, nil)
		const minutes = 4 // of five
		time.Sleep(minutes*time.Minute - time.Second)
		asked := v.asked()
		behind := b.collector.Backlog().Behind
		stop()
		if used := float64(asked) / (minutes * 120); used < 0.95 || refused > 0 || !behind {
			t.Errorf("%.1f %% of the budget used, %d requests refused, more to read: %v", 100*used, refused, behind)
		}
	})
}

// TestProgress reads a month that takes a minute, with a stop in the middle: what is told of it is true.
func TestProgress(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		const days = 30
		v.add(every("activity", time.Now().Add(-days*24*time.Hour), 10*time.Minute, days*144)...)
		v.travel = time.Second
		cfg := config()
		cfg.Lookback, cfg.PageSize, cfg.Interval = days*24*time.Hour, 72, time.Hour
		stop := b.run(cfg, nil)
		if p := b.collector.Backlog(); p.Behind {
			t.Errorf("before anything is known: %+v", p)
		}
		time.Sleep(25 * time.Second)
		synctest.Wait()
		before := b.collector.Backlog()
		stop()
		if share := before.Share(); !before.Behind || math.Abs(share-23./60) > 0.05 || before.ETA == backlog.Unknown {
			t.Errorf("after 25 s of a minute: %v", before)
		}
		stop = b.run(cfg, nil)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if p := b.collector.Backlog(); p.Left > before.Left {
			t.Errorf("after a restart %v is left, %v was before", p.Left, before.Left)
		}
		type told struct {
			at  time.Time
			eta time.Duration
		}
		var all []told
		for done := false; !done; {
			select {
			case <-b.collector.CaughtUp():
				done = true
			case <-time.After(time.Second):
				if p := b.collector.Backlog(); p.Behind && p.ETA != backlog.Unknown {
					all = append(all, told{time.Now(), p.ETA})
				}
			}
		}
		synctest.Wait()
		if p := b.collector.Backlog(); p.Behind || p.Left != 0 || p.Share() != 1 {
			t.Errorf("at the end: %+v", p)
		}
		stop()
		if len(all) < 20 {
			t.Errorf("the time left was told %d times in half a minute", len(all))
		}
		for _, e := range all {
			left := time.Since(e.at)
			if off := (e.eta - left).Abs(); off > 3*time.Second && off > left/5 {
				t.Errorf("told that %v is left, and it took %v", e.eta, left)
			}
		}
		b.wantAll()
	})
}

// TestNothingIsHonestlyKnown: while the vendor does not answer, no time left is told.
func TestNothingIsHonestlyKnown(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.add(every("activity", time.Now().Add(-30*24*time.Hour), 10*time.Minute, 30*144)...)
		v.travel = time.Second
		cfg := config()
		cfg.Lookback, cfg.PageSize = 30*24*time.Hour, 72
		stop := b.run(cfg, nil)
		defer stop()
		time.Sleep(30 * time.Second)
		v.set(func() { v.off = true })
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if p := b.collector.Backlog(); !p.Behind || p.ETA != backlog.Unknown || p.Rate != 0 {
			t.Errorf("%v", p)
		}
	})
}
