package recorder

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stats are the recorder's own metrics:
//
//	tripod_gateway_records_total{type}          records written or recognised
//	tripod_gateway_record_waiting               notes that wait: what a kill would leave unrecorded at this moment
//	tripod_gateway_record_waiting_bytes         their content
//	tripod_gateway_record_waiting_bound         how many notes may wait
//	tripod_gateway_open_exchanges               exchanges on record that have not ended
//	tripod_gateway_closed_unknown_total         exchanges of an earlier run, closed without knowing how they ended
//	tripod_gateway_lost_exchanges_total         exchanges that passed unrecorded
//	tripod_gateway_unrecorded_retries_total     requests by which a client tried again what is not on record
//	tripod_gateway_record_failures_total        attempts to write that failed and are made again
//	tripod_gateway_record_seconds               time to write one batch
type stats struct {
	records *prometheus.CounterVec
	open    prometheus.Gauge
	closed  prometheus.Counter
	lost    prometheus.Counter
	retries prometheus.Counter
	failed  prometheus.Counter
	seconds prometheus.Histogram
}

func newStats(reg prometheus.Registerer, r *Recorder) (*stats, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	s := &stats{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tripod_gateway_records_total", Help: "Records of the LLM gateway."}, []string{"type"}),
		open:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "tripod_gateway_open_exchanges", Help: "Exchanges on record that have not ended."}),
		closed:  counter("tripod_gateway_closed_unknown_total", "Exchanges of an earlier run, closed without knowing how they ended."),
		lost:    counter("tripod_gateway_lost_exchanges_total", "Exchanges that passed unrecorded."),
		retries: counter("tripod_gateway_unrecorded_retries_total", "Requests by which a client tried again what is not on record."),
		failed:  counter("tripod_gateway_record_failures_total", "Attempts to write that failed and are made again."),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tripod_gateway_record_seconds", Help: "Time to write one batch.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{
		s.records, s.open, s.closed, s.lost, s.retries, s.failed, s.seconds,
		gauge("tripod_gateway_record_waiting", "Notes that wait to be written.", func() float64 { n, _ := r.Waiting(); return float64(n) }),
		gauge("tripod_gateway_record_waiting_bytes", "Content that waits to be written.", func() float64 { _, b := r.Waiting(); return float64(b) }),
		gauge("tripod_gateway_record_waiting_bound", "How many notes may wait.", func() float64 { return float64(r.cfg.MaxExchanges) }),
	} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stats) wrote(batch []*note, open int, took time.Duration) {
	for _, n := range batch {
		for i := range n.entries {
			s.records.WithLabelValues(n.entries[i].rec.Type).Inc()
		}
	}
	s.open.Set(float64(open))
	s.seconds.Observe(took.Seconds())
}

// Waiting tells how many notes wait to be written, the batch under way included, and how many bytes of content they hold:
// what a kill would leave unrecorded at this moment.
func (r *Recorder) Waiting() (notes int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting), r.bytes
}
