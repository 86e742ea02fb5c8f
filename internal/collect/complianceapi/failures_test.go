package complianceapi_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/crashtest"
)

// Each test here is a failure that a poller of an audit feed was seen to have. The naive poller fails it; ours passes.

func config() complianceapi.Config {
	return complianceapi.Config{Lookback: time.Hour}
}

// bubble runs a test on a clock of its own.
func bubble(t *testing.T, f func(t *testing.T, v *vendor, b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newVendor()
		f(t, v, open(t, v))
	})
}

// wantAll holds the journal against the feed: each row that a poll must have passed is there, each once, and no other.
func (b *bench) wantAll() {
	b.t.Helper()
	have := map[string]int{}
	for _, id := range b.ids() {
		have[id]++
	}
	for _, id := range b.vendor.visible(b.vendor.now().Add(-2 * time.Minute)) {
		if have[id] == 0 {
			b.t.Errorf("%s is in the feed and not in the journal", id)
		}
	}
	shown := map[string]bool{}
	for _, id := range b.vendor.visible(b.vendor.now()) {
		shown[id] = true
	}
	for id, n := range have {
		if n > 1 || !shown[id] {
			b.t.Errorf("%s is in the journal %d times; in the feed: %v", id, n, shown[id])
		}
	}
}

func TestRowsIndexedLate(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		cfg := config()
		cfg.Interval = 5 * time.Minute
		n := newNaive(t, v, tiles)
		list := every("activity", time.Now(), time.Minute, 60)
		for i, a := range list {
			a.indexed = a.at.Add(time.Duration(i%40) * time.Minute)
		}
		v.add(list...)
		stop := b.run(cfg, nil)
		for range 120 {
			time.Sleep(time.Minute)
			n.poll()
		}
		time.Sleep(26 * time.Hour) // until the hours have settled
		stop()
		if lost, _ := n.wrong(); lost == 0 {
			t.Error("the naive poller lost nothing: the test shows nothing")
		}
		b.wantAll()
	})
}

func TestTiesOverTwoPolls(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		n := newNaive(t, v, strict)
		at := time.Now().Add(10 * time.Minute).Truncate(time.Second)
		for i, a := range every("activity", at, 0, 50) {
			a.indexed = at.Add(time.Duration(i) * 3 * time.Second)
			v.add(a)
		}
		stop := b.run(config(), nil)
		for range 60 {
			time.Sleep(30 * time.Second)
			n.poll()
		}
		stop()
		if lost, _ := n.wrong(); lost == 0 {
			t.Error("the naive poller lost nothing: the test shows nothing")
		}
		b.wantAll()
	})
}

func TestLocalClockIsWrong(t *testing.T) {
	for _, skew := range []time.Duration{-10 * time.Minute, 10 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T, v *vendor, b *bench) {
				v.skew = skew
				n := newNaive(t, v, ownClock)
				v.add(every("activity", v.now(), 20*time.Second, 90)...)
				stop := b.run(config(), nil)
				for range 60 {
					time.Sleep(time.Minute)
					n.poll()
				}
				stop()
				if lost, doubled := n.wrong(); lost+doubled == 0 {
					t.Error("the naive poller did nothing wrong: the test shows nothing")
				}
				b.wantAll()
				if diff := cmp.Diff([]string{"compliance.clock"}, b.raised()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestNewestRowComesFirst(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		n := newNaive(t, v, lastDelivered)
		v.add(every("activity", time.Now(), time.Minute, 30)...)
		stop := b.run(config(), nil)
		for range 40 {
			time.Sleep(time.Minute)
			n.poll()
		}
		stop()
		if _, doubled := n.wrong(); doubled == 0 {
			t.Error("the naive poller doubled nothing: the test shows nothing")
		}
		b.wantAll()
	})
}

func TestBacklogOfManyPages(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.pageMost = 50
		v.add(&activity{id: "activity_first", at: time.Now().Add(-time.Hour)})
		n := newNaive(t, v, firstPage)
		n.poll()
		v.add(every("activity", time.Now().Add(-50*time.Minute), time.Second, 2000)...)
		for range 3 {
			time.Sleep(time.Minute)
			n.poll()
		}
		if lost, _ := n.wrong(); lost == 0 {
			t.Error("the naive poller had everything after three polls: the test shows nothing")
		}
		before := v.asked()
		stop := b.run(config(), nil)
		time.Sleep(20 * time.Second)
		stop()
		b.wantAll()
		if asked := v.asked() - before; asked > 2000/50+5 {
			t.Errorf("%d requests for 40 pages", asked)
		}
	})
}

func TestRestartsDoNotReadHistoryAgain(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		v.pageMost = 20
		v.add(every("activity", time.Now().Add(-50*time.Minute), time.Second, 1000)...)
		cfg := config()
		cfg.Lookback = 30 * 24 * time.Hour
		n := newNaive(t, v, lookback)
		n.poll()
		stop := b.run(cfg, nil)
		time.Sleep(10 * time.Second)
		stop()
		before := v.asked()
		n.poll()
		naive := v.asked() - before
		before = v.asked()
		for range 10 {
			stop := b.run(cfg, nil)
			time.Sleep(5 * time.Second)
			stop()
		}
		if ours := (v.asked() - before) / 10; ours > 10 || naive < 50 {
			t.Errorf("a restart costs %d requests, the naive poller's %d", ours, naive)
		}
		b.wantAll()
	})
}

func TestCrashBetweenRowsAndCursor(t *testing.T) {
	for _, m := range []mistake{cursorFirst, rowsFirst} {
		for _, before := range []bool{true, false} {
			t.Run("", func(t *testing.T) {
				bubble(t, func(t *testing.T, v *vendor, b *bench) {
					n := newNaive(t, v, m)
					v.add(every("activity", time.Now(), 10*time.Second, 60)...)
					for step := 1; step < 30; step++ {
						stop := b.run(config(), &crashtest.Crash{After: step, Before: before})
						time.Sleep(30 * time.Second)
						stop()
						n.crash = step%3 == 0
						n.poll()
					}
					stop := b.run(config(), nil)
					time.Sleep(5 * time.Minute)
					stop()
					if lost, doubled := n.wrong(); lost+doubled == 0 {
						t.Error("the naive poller did nothing wrong: the test shows nothing")
					}
					b.wantAll()
				})
			})
		}
	}
}

func TestBodyChangesUnderOneID(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		a := &activity{id: "activity_file", at: time.Now().Add(-3 * time.Minute), typ: "claude_file_uploaded", extra: `,"claude_file_id":"claude_file_01","filename":"plan.pdf"`}
		v.add(a)
		n := newNaive(t, v, byID)
		n.poll()
		stop := b.run(config(), nil)
		time.Sleep(time.Minute)
		v.set(func() { a.extra = `,"claude_file_id":"claude_file_01","filename":null` })
		n.poll()
		time.Sleep(3 * time.Hour)
		stop()
		if len(n.bodies) != 1 {
			t.Error("the naive poller saw the change: the test shows nothing")
		}
		var found []*audit.Record
		for _, r := range b.records() {
			if r.ID == a.id {
				found = append(found, r)
			}
		}
		if len(found) != 2 || found[0].Supersedes != "" || found[1].Supersedes == "" {
			t.Errorf("%d records of an activity whose body changed once", len(found))
		}
	})
}

func TestOutageLongerThanAnyLookback(t *testing.T) {
	bubble(t, func(t *testing.T, v *vendor, b *bench) {
		n := newNaive(t, v, capped)
		v.add(every("activity", time.Now(), 10*time.Minute, 300)...)
		stop := b.run(config(), nil)
		time.Sleep(time.Hour)
		n.poll()
		stop()
		time.Sleep(30 * time.Hour) // nobody polls
		n.poll()
		stop = b.run(config(), nil)
		time.Sleep(2 * time.Minute)
		stop()
		if lost, _ := n.wrong(); lost == 0 {
			t.Error("the naive poller lost nothing: the test shows nothing")
		}
		b.wantAll()
		outage := false
		for _, s := range b.own(complianceapi.TypeStatement) {
			outage = outage || attr(s, "window") == "outage"
		}
		if !outage {
			t.Error("no statement about the stretch in which nobody polled")
		}
	})
}
