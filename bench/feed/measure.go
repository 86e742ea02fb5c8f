package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"
)

// round is one run of both.
type round struct {
	Rows int
	Bare struct {
		Requests       int
		Seconds        float64
		CPU, VendorCPU float64 // seconds
	}
	Requests        int     // until everything was read
	Durable         float64 // seconds until everything was in the journal
	Searchable      float64 // seconds until everything could be found
	CPU, VendorCPU  float64 // seconds, until then
	Others          float64 // share of the machine used by neither
	Memory, Halfway float64 // MiB at most, at the end and when half was read
	Bars, Eta       int     // of the estimates of what is left: how many, and how many off by more than a third
	estimates       []estimate
}

// estimate is what Tripod said was left, and when.
type estimate struct {
	at   time.Duration // since the beginning
	left time.Duration
}

// Metrics of the console.
const (
	gaugeJournal  = `tripod_journal_last_seq`
	gaugeSearch   = `tripod_view_position{view="search"}`
	gaugeRows     = `tripod_compliance_rows_total`
	gaugeDouble   = `tripod_compliance_duplicates_total`
	gaugeRequests = `tripod_compliance_requests_total{status="200"}`
	gaugeLeft     = `tripod_compliance_backlog_seconds`
	gaugeETA      = `tripod_compliance_backlog_eta_seconds`
)

// read watches tripod until it has read what the bare client saw and all of it can be found.
func (r *round) read(ctx context.Context, o options, v *vendor, s *server) error {
	began := time.Now()
	vendorBefore, err := processCPU(v.pid())
	if err != nil {
		return err
	}
	machineBefore, err := machineCPU()
	if err != nil {
		return err
	}
	own := ownCPU()
	profiled := make(chan error, 1)
	profiled <- nil
	var end float64 // of the journal when everything was in it
	for {
		g, err := s.gauges(ctx)
		switch {
		case err != nil && time.Since(began) > 20*time.Second:
			return err
		case err != nil: // it is starting
		case end == 0:
			distinct := g[gaugeRows] - g[gaugeDouble]
			if o.profile != "" && distinct > float64(r.Rows)/4 && len(profiled) == 1 && r.Bars >= 0 {
				<-profiled
				r.Bars = -1
				go func() {
					profiled <- s.save(ctx, "/debug/pprof/profile?seconds=10", filepath.Join(o.profile, "cpu.pprof"))
				}()
			}
			if r.Halfway == 0 && distinct > float64(r.Rows)/2 {
				if r.Halfway, err = memory(s.pid(), "VmHWM"); err != nil {
					return err
				}
			}
			if eta, ok := g[gaugeETA]; ok && eta >= 0 {
				r.estimates = append(r.estimates, estimate{time.Since(began), time.Duration(eta * float64(time.Second))})
			}
			left, told := g[gaugeLeft]
			if distinct >= float64(r.Rows) && (!told || left == 0) {
				end, r.Durable, r.Requests = g[gaugeJournal], time.Since(began).Seconds(), int(g[gaugeRequests])
			}
		}
		if end > 0 && g[gaugeSearch] >= end {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	r.Searchable = time.Since(began).Seconds()
	return errors.Join(<-profiled, r.spent(s, v, vendorBefore, machineBefore, own))
}

// spent reads off what it took.
func (r *round) spent(s *server, v *vendor, vendorBefore, machineBefore, own time.Duration) error {
	cpu, err := processCPU(s.pid())
	if err != nil {
		return err
	}
	vendorCPU, err := processCPU(v.pid())
	if err != nil {
		return err
	}
	machine, err := machineCPU()
	if err != nil {
		return err
	}
	r.CPU, r.VendorCPU = cpu.Seconds(), (vendorCPU - vendorBefore).Seconds()
	used := (machine - machineBefore - (ownCPU() - own)).Seconds() - r.CPU - r.VendorCPU
	r.Others = max(0, used/r.Searchable/float64(runtime.NumCPU()))
	r.Memory, err = memory(s.pid(), "VmHWM")
	return err
}

func (r round) String() string {
	n := float64(r.Rows)
	return fmt.Sprintf("%d activities; bare client %.0f/s (%d requests); tripod %.0f/s durable, %.0f/s searchable, %d requests, %.0f MiB, CPU %.1f s and %.1f s of the simulator, others %.0f %%",
		r.Rows, n/r.Bare.Seconds, r.Bare.Requests, n/r.Durable, n/r.Searchable, r.Requests, r.Memory, r.CPU, r.VendorCPU, 100*r.Others)
}
