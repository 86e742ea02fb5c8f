package search

import "time"

// steps are the widths a histogram may have: those people read off an axis.
var steps = [...]time.Duration{
	time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day,
}

const day = 24 * time.Hour

// MaxBuckets bounds the buckets of a histogram.
const MaxBuckets = 2000

// Divide chooses the buckets of a histogram over a window that is not empty: the narrowest step of at least least that
// needs at most buckets of them (a few more where steps would be centuries wide). Steps up to a day begin at multiples of themselves (UTC), longer ones at a midnight.
func Divide(w Window, buckets int, least time.Duration) (start int64, step time.Duration, count int) {
	buckets = min(max(buckets, 1), MaxBuckets)
	for _, step = range steps {
		if step < least {
			continue
		}
		start = floor(w.From, min(step, day).Milliseconds())
		if (w.To-1-start)/step.Milliseconds() < int64(buckets) {
			return start, step, int((w.To-1-start)/step.Milliseconds()) + 1
		}
	}
	for step = steps[len(steps)-1]; (w.To-1-start)/step.Milliseconds() >= int64(buckets) && step < widest; {
		step *= 2
	}
	return start, step, int(min((w.To-1-start)/step.Milliseconds(), MaxBuckets-1)) + 1
}

// widest bounds the step to what a time.Duration holds: 255 years.
const widest = 256 * 364 * day

// floor rounds down to a multiple of unit, below zero as well.
func floor(v, unit int64) int64 {
	r := v % unit
	if r < 0 {
		r += unit
	}
	return v - r
}
