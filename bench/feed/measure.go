package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// round is one run of both.
type round struct {
	Rows int
	Bare struct {
		Requests       int
		Seconds        float64
		CPU, VendorCPU float64 // seconds
	}
	Requests        int     // for the history
	Durable         float64 // seconds until everything was in the journal
	Searchable      float64 // seconds until everything could be found
	CPU, VendorCPU  float64 // seconds, until then
	Others          float64 // share of the machine used by neither
	Memory, Halfway float64 // MiB at most, at the end and when half was read
	Known           float64 // share of the time in which the time left was told
	Off             float64 // by how much that was wrong, as a share of what was left; median
	estimates       []estimate
	profiling       bool // it was begun
}

// estimate is what Tripod said was left, and when.
type estimate struct {
	at   time.Duration // since the beginning
	left time.Duration
}

// Metrics of the console.
const (
	gaugeJournal = `tripod_journal_last_seq`
	gaugeSearch  = `tripod_view_position{view="search"}`
	gaugeRows    = `tripod_compliance_rows_total`
	gaugeDouble  = `tripod_compliance_duplicates_total`
	gaugeLeft    = `tripod_compliance_backlog_seconds`
	gaugeETA     = `tripod_compliance_backlog_eta_seconds`
)

const lookEvery = 50 * time.Millisecond

// read watches tripod until it has read what the bare client saw and all of it can be found.
func (r *round) read(ctx context.Context, o options, v *vendor, s *server) error {
	began := time.Now()
	vendorBefore, err := child.CPU(v.PID())
	if err != nil {
		return err
	}
	machineBefore, err := child.MachineCPU()
	if err != nil {
		return err
	}
	own := child.OwnCPU()
	profiled := make(chan error, 1)
	profiled <- nil
	var end float64 // of the journal when everything was in it
	for {
		g, err := child.Gauges(ctx, s.at("/metrics"))
		switch {
		case err != nil && time.Since(began) > 20*time.Second:
			return err
		case err != nil: // it is starting
		case end == 0:
			distinct := g[gaugeRows] - g[gaugeDouble]
			if o.profile != "" && distinct > float64(r.Rows)/4 && !r.profiling {
				<-profiled
				r.profiling = true
				go func() {
					profiled <- child.Save(ctx, s.at("/debug/pprof/profile?seconds=10"), filepath.Join(o.profile, "cpu.pprof"))
				}()
			}
			if r.Halfway == 0 && distinct > float64(r.Rows)/2 {
				if r.Halfway, err = peakMemory(s.PID()); err != nil {
					return err
				}
			}
			if eta, ok := g[gaugeETA]; ok && eta >= 0 {
				r.estimates = append(r.estimates, estimate{time.Since(began), time.Duration(eta * float64(time.Second))})
			}
			left, told := g[gaugeLeft]
			if distinct >= float64(r.Rows) && (!told || left == 0) {
				end, r.Durable = g[gaugeJournal], time.Since(began).Seconds()
			}
		}
		if end > 0 && g[gaugeSearch] >= end {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookEvery):
		}
	}
	r.Searchable = time.Since(began).Seconds()
	r.judge()
	return errors.Join(<-profiled, r.spent(s, v, vendorBefore, machineBefore, own))
}

// judge holds what was told of the time left against what it was.
func (r *round) judge() {
	end := time.Duration(r.Durable * float64(time.Second))
	var off []float64
	for _, e := range r.estimates {
		left := end - e.at
		if left > 0 && e.left > 0 { // what is over has no error
			r.Known++
			off = append(off, math.Abs(e.left.Seconds()-left.Seconds())/max(left.Seconds(), 1))
		}
	}
	r.Known *= lookEvery.Seconds() / r.Durable
	slices.Sort(off)
	if len(off) > 0 {
		r.Off = off[len(off)/2]
	}
}

// spent reads off what it took.
func (r *round) spent(s *server, v *vendor, vendorBefore, machineBefore, own time.Duration) error {
	cpu, err := child.CPU(s.PID())
	if err != nil {
		return err
	}
	vendorCPU, err := child.CPU(v.PID())
	if err != nil {
		return err
	}
	machine, err := child.MachineCPU()
	if err != nil {
		return err
	}
	r.CPU, r.VendorCPU = cpu.Seconds(), (vendorCPU - vendorBefore).Seconds()
	used := (machine - machineBefore - (child.OwnCPU() - own)).Seconds() - r.CPU - r.VendorCPU
	r.Others = max(0, used/r.Searchable/float64(runtime.NumCPU()))
	r.Memory, err = peakMemory(s.PID())
	return err
}

func (r round) String() string {
	n := float64(r.Rows)
	return fmt.Sprintf("%d activities; bare client %.0f/s (%d requests); tripod %.0f/s durable, %.0f/s searchable, %.0f MiB, CPU %.1f s and %.1f s of the simulator, others %.0f %%",
		r.Rows, n/r.Bare.Seconds, r.Bare.Requests, n/r.Durable, n/r.Searchable, r.Memory, r.CPU, r.VendorCPU, 100*r.Others)
}

// peakMemory is the largest resident set that a process has had, in MiB.
func peakMemory(pid int) (float64, error) {
	n, err := child.PeakMemory(pid)
	return float64(n) / (1 << 20), err
}
