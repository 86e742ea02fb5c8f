package complianceapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// TestNextPageIsFetchedMeanwhile: where a page takes as long to come as it takes to be made durable, both happen at once.
func TestNextPageIsFetchedMeanwhile(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		const pages = 60
		begin := time.Now()
		v.add(every("activity", begin.Add(-10*24*time.Hour), time.Minute, pages*100)...)
		v.travel, b.commit = time.Second, time.Second
		cfg := config()
		cfg.Lookback, cfg.PageSize, cfg.Interval = 11*24*time.Hour, 100, time.Hour
		stop := b.run(cfg, nil)
		<-b.collector.CaughtUp()
		took := time.Since(begin)
		stop()
		if took < pages*time.Second || took > (pages+10)*time.Second {
			t.Errorf("%d pages of a second, and one more to make each durable, took %v", pages, took)
		}
		if asked := v.asked(); asked > pages+5 {
			t.Errorf("%d requests for %d pages", asked, pages)
		}
		b.wantAll()
	})
}

// TestHistoryKeepsNoPollWaiting: answers about the past take a minute and a half each. What happens now is read all the
// same.
func TestHistoryKeepsNoPollWaiting(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin.Add(-10*24*time.Hour), 10*time.Minute, 1440)...)
		v.add(every("activity_new", begin, 10*time.Second, 360)...)
		old := begin.Add(-3 * time.Hour).UTC().Format(time.RFC3339)
		v.slow = func(r *http.Request) time.Duration {
			if from := r.URL.Query().Get("created_at.gte"); from != "" && strings.Compare(from, old) < 0 {
				return 90 * time.Second
			}
			return 0
		}
		cfg := config()
		cfg.Lookback, cfg.PageSize = 11*24*time.Hour, 100
		stop := b.run(cfg, nil)
		for range 50 {
			time.Sleep(20 * time.Second)
			if late := time.Since(time.Unix(0, b.newest.Load())); time.Since(begin) > 2*time.Minute && late > 101*time.Second {
				t.Errorf("%v after the beginning, the newest activity is %v old", time.Since(begin), late)
			}
		}
		if !b.collector.Backlog().Behind {
			t.Error("history was read to its end: the test shows nothing")
		}
		stop()
	})
}

// TestStopWhileAPageIsUnderWay: what was asked for ahead is neither waited for nor kept half.
func TestStopWhileAPageIsUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.add(every("activity", time.Now().Add(-50*time.Minute), time.Second, 1000)...)
		v.travel, b.commit = time.Second, 300*time.Millisecond
		cfg := config()
		cfg.PageSize = 100
		for i := range 12 { // a stop at any moment
			stop := b.run(cfg, nil)
			time.Sleep(2*time.Second + time.Duration(i)*170*time.Millisecond)
			stop()
		}
		stop := b.run(cfg, nil)
		<-b.collector.CaughtUp()
		stop()
		b.wantAll()
		for _, r := range b.records() {
			if r.Source == audit.SourceComplianceActivity && r.Supersedes != "" {
				t.Errorf("%s supersedes %s", r.ID, r.Supersedes)
			}
		}
	})
}
