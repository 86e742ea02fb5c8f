package complianceapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
)

// unread are the statements about what cannot be read.
func (b *bench) unread() (list [][2]time.Time) {
	b.t.Helper()
	for _, s := range b.own(complianceapi.TypeStatement) {
		if attr(s, "status") != "unread" {
			continue
		}
		from, err := time.Parse(time.RFC3339, attr(s, "from"))
		if err != nil {
			b.t.Fatal(err)
		}
		to, err := time.Parse(time.RFC3339, attr(s, "to"))
		if err != nil {
			b.t.Fatal(err)
		}
		list = append(list, [2]time.Time{from, to})
	}
	return list
}

// missing are the ids that the feed shows and the journal lacks.
func (b *bench) missing() (list []string) {
	have := b.ids()
	for _, id := range b.vendor.visible(b.vendor.now().Add(-2 * time.Minute)) {
		if _, ok := slices.BinarySearch(have, id); !ok {
			list = append(list, id)
		}
	}
	return list
}

// wantGap asks for one interruption on record, and for nothing missing but the poisoned row, of which just its second is
// stated to be unread.
func (b *bench) wantGap(at time.Time, id string) {
	b.t.Helper()
	interrupted, resumed := b.own(trouble.TypeInterrupted), b.own(trouble.TypeResumed)
	if len(interrupted) != 1 || len(resumed) != 0 {
		b.t.Errorf("%d records say that it was interrupted, %d that it was resumed", len(interrupted), len(resumed))
		return
	}
	told := interrupted[0]
	from, _ := time.Parse(time.RFC3339, attr(told, "from"))
	to, _ := time.Parse(time.RFC3339, attr(told, "to"))
	if attr(told, "reason") != "unread" || attr(told, "status") != "500" || attr(told, "request_id") == "" || at.Before(from) || !at.Before(to) {
		b.t.Errorf("what cannot be read is at %v; told is %s, status %s, request %q, %v to %v", at, attr(told, "reason"), attr(told, "status"), attr(told, "request_id"), from, to)
	}
	if diff := cmp.Diff([]string{id}, b.missing()); diff != "" {
		b.t.Errorf("missing (-want +got):\n%s", diff)
	}
	list := b.unread()
	if len(list) != 1 || at.Before(list[0][0]) || !at.Before(list[0][1]) || list[0][1].Sub(list[0][0]) > 2*time.Second {
		b.t.Errorf("what cannot be read is at %v; stated is %v", at, list)
	}
	if diff := cmp.Diff([]string{"compliance.unread"}, b.raised()); diff != "" {
		b.t.Error(diff)
	}
}

// wantHealed asks for everything, told once.
func (b *bench) wantHealed() {
	b.t.Helper()
	b.wantAll()
	if got := b.raised(); len(got) > 0 {
		b.t.Errorf("conditions afterwards are %v", got)
	}
	if resumed := b.own(trouble.TypeResumed); len(resumed) != 1 || attr(resumed[0], "reason") != "unread" {
		b.t.Errorf("%d records say that it was resumed", len(resumed))
	}
}

// TestHistoryThatCannotBeRead has one activity of the past that no answer comes with. Everything else is read, and it is
// told once; it is read as soon as the server can.
func TestHistoryThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin.Add(-20*24*time.Hour), 10*time.Minute, 20*144+6*10)...)
		at := begin.Add(-7*24*time.Hour + 3*time.Second)
		v.add(&activity{id: "poisoned", at: at})
		v.poison = map[string]bool{"poisoned": true}
		cfg := config()
		cfg.Lookback, cfg.PageSize, cfg.Interval = 21*24*time.Hour, 100, 3*time.Minute
		stop := b.run(cfg, nil)
		time.Sleep(5 * time.Hour)
		stop()
		before := v.asked()
		stop = b.run(cfg, nil)
		time.Sleep(5 * time.Hour)
		if asked := v.asked() - before; asked > 5*20+5*10 {
			t.Errorf("%d requests in five hours of polls", asked)
		}
		b.wantGap(at, "poisoned")
		if b.collector.Backlog().Behind {
			t.Error("the past is still being read")
		}
		<-b.collector.CaughtUp()
		v.set(func() { v.poison = nil })
		time.Sleep(7 * time.Hour)
		stop()
		b.wantHealed()
	})
}

// TestPollThatCannotBeRead has the same with an activity of now: what happens after it is read within minutes.
func TestPollThatCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin, 20*time.Second, 3*180)...)
		at := begin.Add(40*time.Minute + 7*time.Second)
		v.add(&activity{id: "poisoned", at: at})
		v.poison = map[string]bool{"poisoned": true}
		stop := b.run(config(), nil)
		for time.Since(begin) < 150*time.Minute {
			time.Sleep(10 * time.Second)
			if late := time.Since(time.Unix(0, b.newest.Load())); time.Since(begin) > 3*time.Minute && late > 4*time.Minute {
				t.Errorf("after %v the newest activity is %v old", time.Since(begin), late)
			}
		}
		b.wantGap(at, "poisoned")
		v.set(func() { v.poison = nil })
		time.Sleep(7 * time.Hour)
		stop()
		b.wantHealed()
	})
}

// TestNewestActivityCannotBeRead has it in the newest activity of a feed in which nothing happens any more.
func TestNewestActivityCannotBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		at := time.Now().Add(-2 * time.Minute)
		v.add(every("activity", at.Add(-40*time.Minute), time.Minute, 39)...)
		v.add(&activity{id: "poisoned", at: at})
		v.poison = map[string]bool{"poisoned": true}
		cfg := config()
		cfg.Interval = 3 * time.Minute
		stop := b.run(cfg, nil)
		time.Sleep(3 * time.Hour)
		b.wantGap(at, "poisoned")
		v.set(func() { v.poison = nil })
		time.Sleep(7 * time.Hour)
		stop()
		b.wantHealed()
	})
}

// TestCursorsAreNeverTaken has a server that refuses every cursor: windows are divided until each is one page.
func TestCursorsAreNeverTaken(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		begin := time.Now()
		v.add(every("activity", begin.Add(-20*time.Hour), 10*time.Minute, 6*24)...)
		v.add(every("activity_burst", begin.Add(40*time.Minute), time.Second, 60)...)
		v.faults = func(r *http.Request, _ int) *http.Response {
			if r.URL.Query().Get("after_id") != "" {
				return fault(400, "invalid_request_error", "The page cursor has expired. Restart the walk without a page parameter.")
			}
			return nil
		}
		cfg := config()
		cfg.Lookback, cfg.PageSize = 21*time.Hour, 20
		stop := b.run(cfg, nil)
		time.Sleep(4 * time.Hour)
		stop()
		b.wantAll()
		if got := b.raised(); len(got) > 0 {
			t.Errorf("conditions are %v", got)
		}
	})
}

// TestNoWindowIsAnswered has a server that answers nothing but the request for the newest activity: that is told for what
// it is, and windows are not divided for ever.
func TestNoWindowIsAnswered(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.add(every("activity", time.Now().Add(-50*time.Minute), time.Minute, 1200)...)
		stop := b.run(config(), nil)
		time.Sleep(10 * time.Minute)
		v.set(func() {
			v.faults = func(r *http.Request, _ int) *http.Response {
				if r.URL.Query().Get("created_at.lt") != "" {
					return fault(500, "api_error", "Internal server error", "X-Should-Retry", "false")
				}
				return nil
			}
		})
		time.Sleep(8 * time.Hour)
		want := []string{"compliance.lag", "compliance.unreachable", "compliance.unread"}
		if got := b.raised(); !slices.Equal(got, want) {
			t.Errorf("conditions are %v", got)
		}
		if n := len(b.own(trouble.TypeInterrupted)); n != 2 {
			t.Errorf("%d records say that it was interrupted", n)
		}
		if n := len(b.unread()); n > 100 {
			t.Errorf("%d stretches are stated as unread", n)
		}
		v.set(func() { v.faults = nil })
		time.Sleep(7 * time.Hour)
		stop()
		if n := len(b.own(trouble.TypeResumed)); n != 2 {
			t.Errorf("%d records say that it was resumed", n)
		}
		b.wantAll()
	})
}

// TestPagesGrowAgain has a stretch of activities too large for one answer: what comes after is asked for in full pages.
func TestPagesGrowAgain(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		list := every("activity", time.Now().Add(-50*time.Minute), time.Second, 500)
		for _, a := range list {
			a.extra = fmt.Sprintf(`,"title":"%01000d"`, 0)
		}
		v.add(list...)
		b.maxBody = 100_000
		stop := b.run(config(), nil)
		time.Sleep(10 * time.Minute)
		stop()
		b.wantAll()
		v.set(func() {
			if got := v.requests[len(v.requests)-1].URL.Query().Get("limit"); got != "5000" {
				t.Errorf("ten minutes later %s activities are asked for", got)
			}
		})
	})
}

// TestExactlyOnceWithPoison has random activities that no answer comes with, for a time, beside crashes and activities
// that come late. What is in another second than those is read within hours, and everything in the end.
func TestExactlyOnceWithPoison(t *testing.T) {
	for seed := range max(2, worlds()/8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { onceWithPoison(t, rand.New(rand.NewPCG(uint64(seed), 7))) })
		})
	}
}

func onceWithPoison(t *testing.T, rng *rand.Rand) {
	v := newVendor()
	begin := time.Now()
	v.poison = map[string]bool{}
	bad := map[int64]bool{}
	for i := range 200 + rng.IntN(200) {
		at := begin.Add(-48*time.Hour + time.Duration(rng.Int64N(int64(60*time.Hour))))
		a := &activity{id: fmt.Sprintf("activity_%05d", i), at: at, indexed: at.Add(time.Duration(rng.IntN(60)) * time.Second)}
		if rng.IntN(10) == 0 {
			a.indexed = at.Add(time.Duration(rng.Int64N(int64(20 * time.Hour))))
		}
		v.add(a)
		if rng.IntN(40) == 0 {
			v.poison[a.id], bad[at.Unix()] = true, true
		}
	}
	b := open(t, v)
	cfg := complianceapi.Config{Lookback: 49 * time.Hour, Interval: 13 * time.Minute, PageSize: 20 + rng.IntN(100)}
	for time.Since(begin) < 12*time.Hour {
		stop := b.run(cfg, &crashtest.Crash{After: 20 + rng.IntN(300), Before: rng.IntN(2) == 0})
		time.Sleep(time.Duration(rng.Int64N(int64(3 * time.Hour))))
		stop()
	}
	stop := b.run(cfg, nil)
	time.Sleep(40 * time.Hour)
	for _, id := range b.missing() {
		i := slices.IndexFunc(v.rows, func(a *activity) bool { return a.id == id })
		if at := v.rows[i].at.Unix(); !bad[at] && !bad[at-1] && !bad[at+1] {
			t.Errorf("%s is missing, and can be read", id)
		}
	}
	v.set(func() { v.poison = nil })
	time.Sleep(40 * time.Hour)
	stop()
	b.wantAll()
	interrupted, resumed := len(b.own(trouble.TypeInterrupted)), len(b.own(trouble.TypeResumed))
	if got := b.raised(); len(got) > 0 || interrupted != resumed {
		t.Errorf("conditions are %v; interrupted %d times, resumed %d times", got, interrupted, resumed)
	}
}
