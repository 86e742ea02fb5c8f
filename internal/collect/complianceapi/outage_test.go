package complianceapi_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
)

// TestADayWithoutUs: nobody polls for a day. What happened meanwhile is read without loss, beside what happens now, which
// is never more than two minutes late again, while jobs for content would use all of the budget and yield.
func TestADayWithoutUs(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin, 9*time.Second, 27*400)...)
		v.rate, v.travel = 200, 400*time.Millisecond
		var content, refused int
		v.faults = func(r *http.Request, _ int) *http.Response {
			if r.URL.Query().Get("created_at.gte") == "" && r.URL.Query().Get("limit") == "7" {
				content++
			}
			if time.Since(v.minute) < time.Minute && v.used >= v.rate {
				refused++
			}
			return nil
		}
		cfg := config()
		cfg.PageSize, cfg.Lookback = 40, time.Hour
		stop := b.run(cfg, nil)
		time.Sleep(time.Hour)
		stop()
		time.Sleep(24 * time.Hour)
		back := time.Now()
		stop = b.run(cfg, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var jobs sync.WaitGroup
		for range 6 {
			jobs.Go(func() {
				for ctx.Err() == nil {
					_, _ = b.client.Activities(ctx, api.Query{Limit: 7}, api.Content) // an error is for the end to show
				}
			})
		}
		beside := 0
		for time.Since(back) < 12*time.Minute {
			time.Sleep(10 * time.Second)
			late := time.Since(time.Unix(0, b.newest.Load()))
			if time.Since(back) > 2*time.Minute && late > 2*time.Minute {
				t.Errorf("%v after we are back, the newest activity is %v old", time.Since(back), late)
			}
			if late < 2*time.Minute && b.collector.Backlog().Behind {
				beside++
			}
		}
		if b.collector.Backlog().Behind {
			t.Errorf("after twelve minutes the outage is not read: %v", b.collector.Backlog())
		}
		cancel()
		jobs.Wait()
		stop()
		v.set(func() { // read by who asks no more
			if beside < 6 || content < 1000 || refused > 0 {
				t.Errorf("%d times up to date beside the outage, %d requests for content, %d refused: the test shows little", beside, content, refused)
			}
		})
		b.wantAll()
		for _, r := range b.records() {
			if r.Supersedes != "" || r.HasFlag(audit.FlagMalformed) {
				t.Fatalf("%s: supersedes %q, flags %v", r.ID, r.Supersedes, r.Flags)
			}
		}
	})
}
