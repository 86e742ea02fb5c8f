package search_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
)

func TestDivide(t *testing.T) {
	t.Parallel()
	hour := time.Hour.Milliseconds()
	for _, tc := range []struct {
		w       search.Window
		buckets int
		least   time.Duration
		start   int64
		step    time.Duration
		count   int
	}{
		{search.Window{From: 0, To: 24 * hour}, 24, 0, 0, time.Hour, 24},
		{search.Window{From: 0, To: 24*hour + 1}, 24, 0, 0, 2 * time.Hour, 13},
		{search.Window{From: hour / 2, To: 24 * hour}, 24, 0, 0, time.Hour, 24},
		{search.Window{From: 5, To: 6}, 10, 0, 5, time.Millisecond, 1},
		{search.Window{From: 0, To: hour}, 60, 0, 0, time.Minute, 60},
		{search.Window{From: 0, To: hour}, 60, time.Hour, 0, time.Hour, 1},
		{search.Window{From: 30 * hour, To: 24 * hour * 365}, 60, 0, 24 * hour, 7 * 24 * time.Hour, 52},
		{search.Window{From: 0, To: 24 * hour}, 0, 0, 0, 24 * time.Hour, 1},
	} {
		start, step, count := search.Divide(tc.w, tc.buckets, tc.least)
		if start != tc.start || step != tc.step || count != tc.count {
			t.Errorf("Divide(%v, %d, %v) = %d, %v, %d; want %d, %v, %d", tc.w, tc.buckets, tc.least, start, step, count, tc.start, tc.step, tc.count)
		}
	}
	for _, w := range []search.Window{{From: 0, To: 8028 * 366 * 24 * hour}, {From: -1 << 42, To: 1 << 42}} {
		for _, n := range []int{1, 7, 5000} {
			start, step, count := search.Divide(w, n, 0)
			if count < 1 || count > max(n, 40) || count > search.MaxBuckets || start > w.From || start+int64(count)*step.Milliseconds() < w.To {
				t.Errorf("Divide(%v, %d) = %d, %v, %d", w, n, start, step, count)
			}
		}
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	for _, p := range []search.Place{{}, {Time: -1, Seq: 1}, {Time: math.MaxInt64, Seq: math.MaxUint64}, {Time: math.MinInt64}} {
		for _, oldest := range []bool{false, true} {
			got, err := search.DecodeCursor(search.EncodeCursor(p, oldest), oldest)
			if err != nil || got != p {
				t.Errorf("cursor of %v: %v, %v", p, got, err)
			}
			if _, err := search.DecodeCursor(search.EncodeCursor(p, oldest), !oldest); !errors.Is(err, search.ErrCursor) {
				t.Errorf("a cursor of the other order gives %v", err)
			}
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(search.EncodeCursor(search.Place{Time: 1, Seq: 2}, true), true)
	f.Add("!!", false)
	f.Fuzz(func(t *testing.T, s string, oldest bool) {
		p, err := search.DecodeCursor(s, oldest)
		if err != nil {
			return
		}
		if again, err := search.DecodeCursor(search.EncodeCursor(p, oldest), oldest); err != nil || again != p {
			t.Errorf("%q: %v became %v, %v", s, p, again, err)
		}
	})
}
