package otlp

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
)

// stats are the receiver's own metrics:
//
//	tripod_otlp_requests_total{transport,signal,result}  requests by what became of them
//	tripod_otlp_request_seconds{transport}               time until the answer
//	tripod_otlp_records_total{signal}                    records made durable or recognised
//	tripod_otlp_duplicates_total                         of these, recognised as delivered before
//	tripod_otlp_flagged_total{flag}                      records with each flag
//	tripod_otlp_unclassified_total{type}                 records whose type nobody knows; 50 types, the rest is "other"
type stats struct {
	requests     *prometheus.CounterVec
	seconds      *prometheus.HistogramVec
	records      *prometheus.CounterVec
	duplicates   prometheus.Counter
	flagged      *prometheus.CounterVec
	unclassified *prometheus.CounterVec
	sinceBad     atomic.Int64 // exports accepted since one that was no OTLP

	mu    sync.Mutex
	types map[string]bool // unclassified types that have a counter; guarded by mu
}

func newStats(reg prometheus.Registerer) (*stats, error) {
	s := &stats{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_otlp_requests_total", Help: "OTLP requests by what became of them."}, []string{"transport", "signal", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tripod_otlp_request_seconds", Help: "Time until an OTLP request was answered.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}, []string{"transport"}),
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_otlp_records_total", Help: "Records made of OTLP exports."}, []string{"signal"}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tripod_otlp_duplicates_total", Help: "Records of OTLP exports recognised as delivered before."}),
		flagged: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_otlp_flagged_total", Help: "Records of OTLP exports by flag."}, []string{"flag"}),
		unclassified: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_otlp_unclassified_total", Help: "Records of OTLP exports of a type nobody knows."}, []string{"type"}),
		types: map[string]bool{},
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.requests, s.seconds, s.records, s.duplicates, s.flagged, s.unclassified} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// summary is what is counted of one export.
type summary struct {
	signal       signal
	records      int
	flags        map[string]int
	unclassified map[string]int
}

func tally(sig signal, drafts []normalise.Draft) summary {
	sum := summary{signal: sig, records: len(drafts)}
	for i := range drafts {
		r := drafts[i].Record
		for _, f := range r.Flags {
			if sum.flags == nil {
				sum.flags, sum.unclassified = map[string]int{}, map[string]int{}
			}
			sum.flags[f]++
			if f == audit.FlagUnknownType {
				sum.unclassified[r.Type]++
			}
		}
	}
	return sum
}

// took counts an export that is durable.
func (s *stats) took(sum summary, duplicates int) {
	s.records.WithLabelValues(string(sum.signal)).Add(float64(sum.records))
	s.duplicates.Add(float64(duplicates))
	for f, n := range sum.flags {
		s.flagged.WithLabelValues(f).Add(float64(n))
	}
	for name, n := range sum.unclassified {
		s.unclassified.WithLabelValues(s.typeLabel(name)).Add(float64(n))
	}
}

const mostTypes = 50

// typeLabel bounds the types that have a counter of their own, and keeps out what does not look like the name of one.
func (s *stats) typeLabel(name string) string {
	if len(name) > 64 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		return "other"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.types[name] {
		if len(s.types) >= mostTypes {
			return "other"
		}
		s.types[strings.Clone(name)] = true
	}
	return name
}
