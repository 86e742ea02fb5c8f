package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// What is promised.
const (
	leastRate    = 15_000 // activities a second until they can be found
	mostMemory   = 250    // MiB
	mostRequests = 1.02   // times the rows divided by the size of a page
)

func median(rounds []round, of func(round) float64) float64 {
	var list []float64
	for _, r := range rounds {
		list = append(list, of(r))
	}
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}

// report prints the medians of the rounds and says what was missed.
func report(w io.Writer, rounds []round) error {
	if len(rounds) == 0 {
		return errors.New("no rounds")
	}
	m := func(of func(round) float64) float64 { return median(rounds, of) }
	rows := m(func(r round) float64 { return float64(r.Rows) })
	least := m(func(r round) float64 { return math.Ceil(float64(r.Rows) / pageSize) })
	bare := m(func(r round) float64 { return float64(r.Rows) / r.Bare.Seconds })
	durable := m(func(r round) float64 { return float64(r.Rows) / r.Durable })
	found := m(func(r round) float64 { return float64(r.Rows) / r.Searchable })
	requests := m(func(r round) float64 { return float64(r.Requests) })
	peak := m(func(r round) float64 { return r.Memory })
	fmt.Fprintf(w, "%.0f activities, medians of %d rounds\n\n", rows, len(rounds))
	fmt.Fprintf(w, "| | activities/s | × bare client | CPU s per million | requests | peak MiB |\n|---|---:|---:|---:|---:|---:|\n")
	fmt.Fprintf(w, "| bare client, decodes only | %.0f | 1 | %.1f | %.0f | |\n", bare, 1e6/rows*m(func(r round) float64 { return r.Bare.CPU }),
		m(func(r round) float64 { return float64(r.Bare.Requests) }))
	fmt.Fprintf(w, "| Tripod, durable | %.0f | %.2f | | | |\n", durable, m(func(r round) float64 { return r.Bare.Seconds / r.Durable }))
	fmt.Fprintf(w, "| Tripod, searchable | %.0f | %.2f | %.1f | %.0f | %.0f (%.0f at half) |\n", found, m(func(r round) float64 { return r.Bare.Seconds / r.Searchable }),
		1e6/rows*m(func(r round) float64 { return r.CPU }), requests, peak, m(func(r round) float64 { return r.Halfway }))
	share := m(func(r round) float64 { return r.VendorCPU / (r.CPU + r.VendorCPU) })
	fmt.Fprintf(w, "\nThe simulator's share of the CPU both used: %.0f %%. What else ran used %.0f %% of the machine. Requests: %.3f times the least possible (%.0f).\n",
		100*share, 100*m(func(r round) float64 { return r.Others }), requests/least, least)
	fmt.Fprintf(w, "The time left was told in %.0f %% of the time, off by %.0f %% in the middle.\n",
		100*m(func(r round) float64 { return r.Known }), 100*m(func(r round) float64 { return r.Off }))
	var missed []error
	if found < leastRate {
		missed = append(missed, fmt.Errorf("%.0f activities/s searchable, promised are %d", found, leastRate))
	}
	if peak >= mostMemory {
		missed = append(missed, fmt.Errorf("%.0f MiB, promised are fewer than %d", peak, mostMemory))
	}
	if requests > least*mostRequests {
		missed = append(missed, fmt.Errorf("%.0f requests, promised are at most %.0f", requests, least*mostRequests))
	}
	return errors.Join(missed...)
}
