package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// cell is one run of one system with one workload: a fresh process on a fresh
// directory.
type cell struct {
	System string `json:"system"`
	Size   int    `json:"records_per_export"`
	Round  int    `json:"round"`

	Records   int     `json:"records"`
	Exports   int     `json:"exports"`
	Refusals  int     `json:"refusals,omitempty"`    // answers 429 or 503, each retried
	Cut       bool    `json:"cut,omitempty"`         // the time limit ended it
	Acked     float64 `json:"acknowledged_per_s"`    // records
	Findable  float64 `json:"searchable_per_s"`      // records, until the last one could be found
	P50       float64 `json:"p50_ms"`                // of an export
	P99       float64 `json:"p99_ms"`                // of an export
	Memory    int64   `json:"peak_memory_bytes"`     // VmHWM of the server
	Disk      float64 `json:"disk_bytes_per_record"` // all files, after an orderly stop
	DiskLive  float64 `json:"disk_bytes_per_record_running"`
	CPU       float64 `json:"cpu_s_per_1000_records"` // of the server, until nothing was left to do
	Generator float64 `json:"generator_cpu_s"`
	Others    float64 `json:"other_cpu_share"` // of the machine, used meanwhile by neither

	Files map[string]int64 `json:"files"` // bytes on disk by the data directory's entries

	latencies []time.Duration
}

type cellOptions struct {
	transport string
	limit     time.Duration // of the load
	dir       string
	keep      bool
	profile   string // directory, empty for none
}

// runCell measures one system once, and checks that it kept each record that
// it acknowledged, once.
func runCell(ctx context.Context, s system, w *workload, round int, opt cellOptions) (_ cell, err error) {
	c := cell{System: s.name(), Size: w.size, Round: round}
	p, err := newPlace(filepath.Join(opt.dir, fmt.Sprintf("%d-%d-%s", round, w.size, s.name())))
	if err != nil {
		return c, err
	}
	if !opt.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	}
	// The pages that the run before left dirty are not for this one to write.
	syscall.Sync()
	runtime.GC()

	srv, err := start(ctx, s, p)
	if err != nil {
		return c, err
	}
	defer srv.Kill()
	o, err := c.load(ctx, s, srv.PID(), p, w, opt)
	if err != nil {
		return c, fmt.Errorf("%w\n%s", err, child.Tail(srv.log))
	}
	if err := srv.Stop(); err != nil {
		return c, fmt.Errorf("%s: %w\n%s", s.name(), err, child.Tail(srv.log))
	}
	disk, files, err := diskUsage(p.data)
	if err != nil {
		return c, err
	}
	c.Disk, c.Files = float64(disk)/float64(o.records), files

	kept, distinct, err := s.verify(ctx, p)
	if err != nil {
		return c, fmt.Errorf("verify: %w", err)
	}
	if kept != o.records || distinct != o.records {
		return c, fmt.Errorf("%s kept %d records, %d distinct, of %d acknowledged", s.name(), kept, distinct, o.records)
	}
	return c, nil
}

// load offers the workload to a running server and reads off what it took.
func (c *cell) load(ctx context.Context, s system, pid int, p place, w *workload, opt cellOptions) (outcome, error) {
	profiled := func() error { return nil }
	if t, ok := s.(tripod); ok && opt.profile != "" {
		profiled = t.profileDuring(ctx, p, filepath.Join(opt.profile, fmt.Sprintf("%d-%d", w.size, c.Round)))
	}
	before, err := readCPU(pid)
	if err != nil {
		return outcome{}, err
	}
	gc := debug.SetGCPercent(400)
	o, err := offer(ctx, w, opt.dialer(p), opt.limit)
	debug.SetGCPercent(gc)
	if err != nil {
		return o, err
	}
	if o.records == 0 {
		return o, fmt.Errorf("nothing was acknowledged within %v", opt.limit)
	}
	drain, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	findable, err := s.drained(drain, p, o)
	if err != nil {
		return o, fmt.Errorf("wait for the last record: %w", err)
	}
	after, err := readCPU(pid)
	if err != nil {
		return o, err
	}
	if c.Memory, err = child.PeakMemory(pid); err != nil {
		return o, err
	}
	live, _, err := diskUsage(p.data)
	if err != nil {
		return o, err
	}
	c.fill(o, findable, live, after.less(before))
	if err := profiled(); err != nil {
		return o, fmt.Errorf("profile: %w", err)
	}
	return o, nil
}

func (c *cell) fill(o outcome, findable time.Time, live int64, used cpu) {
	n := float64(o.records)
	c.Records, c.Exports, c.Refusals, c.Cut = o.records, o.exports, o.refusals, o.cut
	c.Acked = n / o.lastAck.Sub(o.start).Seconds()
	c.Findable = n / findable.Sub(o.start).Seconds()
	c.latencies = o.latencies
	c.P50, c.P99 = millis(quantile(o.latencies, 0.50)), millis(quantile(o.latencies, 0.99))
	c.DiskLive = float64(live) / n
	c.CPU = used.server.Seconds() / n * 1000
	c.Generator = o.cpu.Seconds()
	others := used.machine - used.server - used.own
	c.Others = max(0, others.Seconds()/used.wall.Seconds()/float64(runtime.NumCPU()))
}

func (opt cellOptions) dialer(p place) func(context.Context) (sender, error) {
	if opt.transport == "grpc" {
		return func(ctx context.Context) (sender, error) { return dialGRPC(ctx, p.grpc) }
	}
	return func(ctx context.Context) (sender, error) { return dialHTTP(ctx, p.http) }
}

// cpu is what was used up to the moment at, or within wall.
type cpu struct {
	server, own, machine time.Duration
	at                   time.Time
	wall                 time.Duration
}

func (c cpu) less(b cpu) cpu {
	return cpu{server: c.server - b.server, own: c.own - b.own, machine: c.machine - b.machine, wall: c.at.Sub(b.at)}
}

func readCPU(pid int) (c cpu, err error) {
	if c.server, err = child.CPU(pid); err != nil {
		return c, err
	}
	c.own, c.at = child.OwnCPU(), time.Now()
	c.machine, err = child.MachineCPU()
	return c, err
}
