package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// cell is one thing measured of every system in every round.
type cell struct {
	name   string
	shape  shape
	stream bool
	lanes  int
	pace   time.Duration // between events; 0: as fast as it goes
}

// cells of this run.
func (o options) cells() (list []cell) {
	add := func(size int, label string) {
		grows, fresh := shape{size: size}, shape{size: size, fresh: true}
		list = append(list,
			cell{label + "-json-1", grows, false, 1, 0},
			cell{label + "-json-50", grows, false, 50, 0},
			cell{label + "-sse-1", grows, true, 1, 0},
			cell{label + "-sse-50", grows, true, 50, 0},
			cell{label + "-new-1", fresh, false, 1, 0},
			cell{label + "-paced-1", grows, true, 1, 2 * time.Millisecond},
			cell{label + "-paced-50", grows, true, 50, 20 * time.Millisecond},
		)
	}
	add(50<<10, "50KB")
	if o.full {
		add(1<<20, "1MB")
	}
	kept := list[:0]
	for _, c := range list {
		if strings.Contains(c.name, o.only) {
			kept = append(kept, c)
		}
	}
	return kept
}

// result is what one system did in one cell of one round.
type result struct {
	system, cell string
	round        int
	first, whole []time.Duration
	late         []time.Duration
	perSecond    float64       // requests
	cpu          time.Duration // of the system for one request, what it does afterwards included
	behind       time.Duration // until it had nothing left to do
	scan         time.Duration // that judging one request took tripod, on average
	durable      time.Duration // that a request waited to be on record, on average
	errors       int
	why          error // the first
}

// measure runs all cells of all systems, round after round. In each round another system begins.
func (r *report) measure(ctx context.Context, o options, systems []*system, up *upstream) error {
	c := newCorpus(o.seed)
	for round := range o.rounds {
		sync, err := fsyncs(o.dir)
		if err != nil {
			return err
		}
		r.fsync = append(r.fsync, millis(sync))
		for _, cl := range r.cells {
			if err := up.set(ctx, mode{Pace: cl.pace}); err != nil {
				return err
			}
			for i := range systems {
				s := systems[(i+round)%len(systems)]
				if r.unfit[s.name+" "+kindOf(cl.stream)] != nil {
					continue
				}
				res, err := o.measureOne(ctx, c, cl, s, round)
				if err != nil {
					return fmt.Errorf("round %d, %s, %s: %w", round+1, cl.name, s.name, err)
				}
				say("round %d  %-13s %-19s first byte %6.2f ms p50 %7.2f p99  %6.0f/s  CPU %6.3f ms  behind %.2fs  errors %d", round+1, cl.name, s.name,
					millis(quantile(res.first, .5)), millis(quantile(res.first, .99)), res.perSecond, millis(res.cpu), res.behind.Seconds(), res.errors)
				if res.why != nil {
					say("    the first: %v", res.why)
				}
				r.results = append(r.results, res)
			}
		}
	}
	for _, s := range systems {
		if s.Process != nil {
			peak, err := treePeak(s.PID())
			if err != nil {
				return err
			}
			r.memory[s.name] = peak
		}
		if s.data != "" {
			line, err := s.onRecord(ctx)
			if err != nil {
				return err
			}
			r.journal = append(r.journal, line)
		}
	}
	return nil
}

// measureOne runs one cell against one system.
func (o options) measureOne(ctx context.Context, c *corpus, cl cell, s *system, round int) (*result, error) {
	res := &result{system: s.name, cell: cl.name, round: round}
	var lanes []*lane
	defer func() {
		for _, l := range lanes {
			l.close()
		}
	}()
	for i := range cl.lanes {
		// The same conversations for each system, and others in each round and cell.
		l, err := newLane(s, c.converse(o.seed, uint64(round)<<32|uint64(i)<<16|uint64(len(cl.name))<<8|uint64(cl.name[len(cl.name)-3]), cl.shape))
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, l)
	}
	if err := warm(ctx, lanes, cl.stream); err != nil {
		res.errors, res.why = 1, err
	}
	s.settle(ctx)
	before, err := s.cpu()
	if err != nil {
		return nil, err
	}
	judged, recorded := s.told(ctx, `tripod_gateway_scan_seconds%s{part="request"}`), s.told(ctx, `tripod_gateway_durable_seconds%s`)
	profiled := o.beginProfile(ctx, s, cl)
	began := time.Now()
	n := o.drive(ctx, res, lanes, cl)
	elapsed := time.Since(began)
	res.perSecond = float64(n) / elapsed.Seconds()
	res.behind = s.settle(ctx)
	after, err := s.cpu()
	if err != nil {
		return nil, err
	}
	res.scan, res.durable = judged(), recorded()
	if n > 0 {
		res.cpu = (after - before) / time.Duration(n)
	}
	return res, errors.Join(ctx.Err(), profiled())
}

// told follows a histogram of tripod's: the function returned gives the mean of what was observed meanwhile.
func (s *system) told(ctx context.Context, name string) func() time.Duration {
	read := func() (count, sum float64) {
		if s.console == "" {
			return 0, 0
		}
		g, err := child.Gauges(ctx, s.console+"/metrics")
		if err != nil {
			return 0, 0
		}
		return g[fmt.Sprintf(name, "_count")], g[fmt.Sprintf(name, "_sum")]
	}
	count, sum := read()
	return func() time.Duration {
		n, total := read()
		if n <= count {
			return 0
		}
		return time.Duration((total - sum) / (n - count) * float64(time.Second))
	}
}

// fsyncs measures the disk: the median time to write 8 KB and have them durable.
func fsyncs(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range 50 {
		began := time.Now()
		if _, err := f.Write(make([]byte, 8<<10)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(began))
	}
	return quantile(took, .5), nil
}

// warm opens the connections and sends what is not counted.
func warm(ctx context.Context, lanes []*lane, stream bool) error {
	each := 1
	if len(lanes) == 1 {
		each = 4
	}
	var first error
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, l := range lanes {
		wg.Go(func() {
			for range each {
				if _, err := l.ask(ctx, stream); err != nil {
					mu.Lock()
					first = errors.Join(first, err)
					mu.Unlock()
					return
				}
			}
			l.talk.turn = 0 // what is counted begins a conversation
		})
	}
	wg.Wait()
	return first
}

// think is how long a single connection rests between requests, on average: a client runs a tool there, or a person reads.
const think = 10 * time.Millisecond

// drive sends what is counted: o.requests over one connection, or as many as come in o.span over many.
func (o options) drive(ctx context.Context, res *result, lanes []*lane, cl cell) (done int) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	requests := o.requests
	if cl.pace > 0 && cl.lanes == 1 {
		requests = max(8, o.requests/6) // a stream takes long and has a hundred events
	}
	end := time.Now().Add(o.span)
	for _, l := range lanes {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if cl.lanes == 1 && i >= requests || cl.lanes > 1 && time.Now().After(end) {
					return
				}
				if cl.lanes == 1 {
					time.Sleep(think/2 + time.Duration(i%7)*think/6) // uneven, so that it does not fall into step with anything
				}
				s, err := l.ask(ctx, cl.stream)
				mu.Lock()
				if err != nil {
					res.errors++
					if res.why == nil {
						res.why = err
					}
				} else {
					done++
					res.first, res.whole, res.late = append(res.first, s.first), append(res.whole, s.whole), append(res.late, s.late...)
				}
				failing := res.errors > 20 && done == 0
				mu.Unlock()
				if failing {
					return
				}
			}
		})
	}
	wg.Wait()
	return done
}

// A system that has used at most one tick in each of three steps has nothing left to do; settleWithin ends the wait.
const (
	settleStep   = 60 * time.Millisecond
	settleWithin = 20 * time.Second
)

// settle waits until a system has nothing left to do: what it does afterwards must not slow the next one.
func (s *system) settle(ctx context.Context) (took time.Duration) {
	began := time.Now()
	idle := 0
	last, err := s.cpu()
	for err == nil && ctx.Err() == nil && time.Since(began) < settleWithin {
		time.Sleep(settleStep)
		var now time.Duration
		now, err = s.cpu()
		if now-last <= 10*time.Millisecond { // one tick
			if idle++; idle == 3 {
				return time.Since(began) - 3*settleStep
			}
		} else {
			idle = 0
		}
		last = now
	}
	return time.Since(began)
}

// cpu is what the processes of a system have used.
func (s *system) cpu() (sum time.Duration, err error) {
	if s.Process == nil {
		return 0, nil
	}
	for _, pid := range tree(s.PID()) {
		d, err := child.CPU(pid)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.name, err)
		}
		sum += d
	}
	return sum, nil
}

// tree is a process and its children: nginx has some. Children of children are not looked for.
func tree(pid int) []int {
	all := []int{pid}
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", strconv.Itoa(pid), "children"))
	if err != nil {
		return all
	}
	for f := range strings.FieldsSeq(string(b)) {
		if n, err := strconv.Atoi(f); err == nil {
			all = append(all, n)
		}
	}
	return all
}

func treePeak(pid int) (sum int64, err error) {
	for _, p := range tree(pid) {
		n, err := child.PeakMemory(p)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// beginProfile profiles tripod while it serves many connections, if wanted. The function returned waits for it.
func (o options) beginProfile(ctx context.Context, s *system, cl cell) func() error {
	if o.profile == "" || s.console == "" || cl.lanes == 1 {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	prefix := filepath.Join(o.profile, s.name+"-"+cl.name)
	go func() {
		done <- child.Save(ctx, fmt.Sprintf("%s/debug/pprof/profile?seconds=%d", s.console, max(1, int(o.span.Seconds()))), prefix+".cpu.pprof")
	}()
	return func() error {
		return errors.Join(<-done, child.Save(ctx, s.console+"/debug/pprof/allocs", prefix+".allocs.pprof"))
	}
}
