package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/search"
)

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func lines(b []byte) iter.Seq[string] { return strings.SplitSeq(string(b), "\n") }

// task is one kind of question.
type task struct {
	name     string
	limit    time.Duration // p95 must stay below
	promised bool          // and must not grow with the index
	query    func(r *rand.Rand, s *size, o options) string
	ask      func(ctx context.Context, s *size, q *search.Query) (index time.Duration, err error)
}

var facetFields = []search.Field{
	search.FieldActivity, search.FieldType, search.FieldTool, search.FieldOutcome, search.FieldSource, search.FieldSurface, search.FieldModel,
}

func tasks() []task {
	fixed := func(q string) func(*rand.Rand, *size, options) string {
		return func(*rand.Rand, *size, options) string { return q }
	}
	user := func(rest string) func(*rand.Rand, *size, options) string {
		return func(r *rand.Rand, _ *size, o options) string { return "user:" + email(r.IntN(o.users*6/10)) + rest }
	}
	window := func(days int) func(*rand.Rand, *size, options) string {
		return func(r *rand.Rand, _ *size, _ options) string {
			from := yearStart.AddDate(0, 0, r.IntN(365-days))
			return "after:" + from.Format("2006-01-02") + " before:" + from.AddDate(0, 0, days).Format("2006-01-02")
		}
	}
	both := func(a, b func(*rand.Rand, *size, options) string) func(*rand.Rand, *size, options) string {
		return func(r *rand.Rand, s *size, o options) string { return a(r, s, o) + " " + b(r, s, o) }
	}
	session := func(r *rand.Rand, s *size, _ options) string { return "session:" + s.sessions[r.IntN(len(s.sessions))] }
	request := func(r *rand.Rand, s *size, _ options) string { return s.requests[r.IntN(len(s.requests))] }
	const short, long = 50 * time.Millisecond, 300 * time.Millisecond
	return []task{
		{"newest page", short, true, fixed(""), page},
		{"user and two months, page", short, true, both(user(""), window(60)), page},
		{"user, newest page", short, true, user(""), page},
		{"session timeline", short, true, session, timeline},
		{"facets of everything", long, true, fixed(""), facets},
		{"facets of a user", long, true, user(""), facets},
		{"facets of a user and a week", long, true, both(user(""), window(7)), facets},
		{"facets of an activity, a month", long, true, both(fixed("activity:tool_result"), window(30)), facets},
		{"histogram of everything", long, true, fixed(""), histogram},
		{"histogram of a user", long, true, user(""), histogram},
		{"histogram of failures", long, true, fixed("outcome:failure"), histogram},
		{"histogram of a user's failures", long, true, user(" outcome:failure"), histogram},
		{"histogram of a day", long, true, window(1), histogram},
		// Of these the larger size has more to return, or more that comes close.
		{"request id as a word", short, false, request, page},
		{"failed tool in a month, page", short, false, both(fixed("outcome:failure tool:mcp*"), window(30)), page},
		{"user, tool and failure, page", short, false, user(" tool:Bash outcome:failure"), page},
		{"nothing found", short, false, user(" tool:Bash rule:none"), page},
	}
}

// page asks for a hundred hits and fetches their records.
func page(ctx context.Context, s *size, q *search.Query) (time.Duration, error) {
	return fetch(ctx, s, q, search.Page{Limit: 100})
}

func timeline(ctx context.Context, s *size, q *search.Query) (time.Duration, error) {
	return fetch(ctx, s, q, search.Page{Limit: 1000, Oldest: true})
}

// fetch finds and fetches, and tells what finding took.
func fetch(ctx context.Context, s *size, q *search.Query, p search.Page) (time.Duration, error) {
	begin := time.Now()
	res, err := s.index.Find(ctx, q, p)
	found := time.Since(begin)
	if err != nil || len(res.Hits) == 0 {
		return found, err
	}
	seqs := make([]uint64, len(res.Hits))
	for i, h := range res.Hits {
		seqs[i] = h.Seq
	}
	stored, err := s.journal.Get(ctx, seqs...)
	if err != nil {
		return found, err
	}
	for i := range stored {
		rec, err := stored[i].Record()
		if err != nil {
			return found, err
		}
		if !q.Match(rec) {
			return found, fmt.Errorf("%s: record %d does not match", q, stored[i].Seq)
		}
	}
	return found, nil
}

func facets(ctx context.Context, s *size, q *search.Query) (time.Duration, error) {
	begin := time.Now()
	_, err := s.index.Facets(ctx, q, facetFields, 10)
	return time.Since(begin), err
}

func histogram(ctx context.Context, s *size, q *search.Query) (time.Duration, error) {
	begin := time.Now()
	_, err := s.index.Histogram(ctx, q, 60)
	return time.Since(begin), err
}

// The promise beside the limits, of what does not return more from a larger index: the larger size is slower than the smaller by no more than this factor, or this much.
const (
	mostFactor = 1.3
	mostSlower = 2 * time.Millisecond
)

// measure asks both sizes the same kinds of questions in turn, so that a noisy moment meets both.
func measure(ctx context.Context, sizes []*size, o options) error {
	for _, s := range sizes {
		fmt.Printf("%d records: journal %.0f B a record, filled at %.0f/s; index %.1f B a record, %.0f/s (%.0f/s with reading the journal), peak memory of the process %d MiB\n",
			s.records, float64(s.journalBytes)/float64(s.records), float64(s.records)/s.appendTime.Seconds(), float64(s.indexBytes)/float64(s.records),
			float64(s.records)/s.applyTime.Seconds(), float64(s.records)/s.indexTime.Seconds(), s.peak>>20)
	}
	fmt.Printf("\n%-34s", "p50 / p95 (p50 of the index), ms")
	for _, s := range sizes {
		fmt.Printf(" %24d", s.records)
	}
	fmt.Printf(" %8s %8s\n", "p95 ×", "limit")
	failed := 0
	for _, t := range tasks() {
		times := make([][]time.Duration, len(sizes))
		index := make([][]time.Duration, len(sizes))
		for i := range o.rounds + 5 {
			for k, s := range sizes {
				r := rand.New(rand.NewPCG(o.seed, uint64(i))) // the same questions of both
				q, err := search.Parse(t.query(r, s, o), time.Time{})
				if err != nil {
					return err
				}
				begin := time.Now()
				found, err := t.ask(ctx, s, q)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", t.name, q, err)
				}
				if i >= 5 { // the first open files and fill caches
					times[k] = append(times[k], time.Since(begin))
					index[k] = append(index[k], found)
				}
			}
		}
		if !report(t, times, index) {
			failed++
		}
	}
	fmt.Printf("\npeak memory of the process at the end: %d MiB\n", peakMemory()>>20)
	if failed > 0 {
		return errors.New("some answers are slower than promised")
	}
	return nil
}

func report(t task, times, index [][]time.Duration) bool {
	fmt.Printf("%-34s", t.name)
	var p95 []time.Duration
	for k, list := range times {
		slices.Sort(list)
		slices.Sort(index[k])
		p95 = append(p95, list[len(list)*95/100])
		fmt.Printf(" %7.2f / %6.2f (%5.2f)", millis(list[len(list)/2]), millis(p95[k]), millis(index[k][len(list)/2]))
	}
	first, last := p95[0], p95[len(p95)-1]
	ok := last < t.limit && (!t.promised || float64(last) <= mostFactor*float64(first) || last-first <= mostSlower)
	verdict := ""
	if !ok {
		verdict = "  MISSED"
	}
	fmt.Printf(" %8.2f %5d ms%s\n", float64(last)/float64(first), t.limit.Milliseconds(), verdict)
	return ok
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
