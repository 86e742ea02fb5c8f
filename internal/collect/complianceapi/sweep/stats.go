package sweep

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stats are the metrics of a part: tripod_compliance_sweeps_total, tripod_compliance_changes_total by what has become of
// things, tripod_compliance_swept_timestamp_seconds; each with the part.
type stats struct {
	sweeps  prometheus.Counter
	changes *prometheus.CounterVec
	last    prometheus.Gauge
}

func newStats(part string, reg prometheus.Registerer) (*stats, error) {
	labels := prometheus.Labels{"part": part}
	s := &stats{
		sweeps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tripod_compliance_sweeps_total", Help: "Readings of a part of the Compliance API that came to their end.", ConstLabels: labels,
		}),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_compliance_changes_total", Help: "Differences between readings by what has become of things.", ConstLabels: labels,
		}, []string{"change"}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tripod_compliance_swept_timestamp_seconds", Help: "When the last reading of a part began, by the server.", ConstLabels: labels,
		}),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.sweeps, s.changes, s.last} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of sweeps: %w", err)
		}
	}
	return s, nil
}

func (s *stats) swept(at time.Time, counts map[string]int64) {
	s.sweeps.Inc()
	s.last.Set(float64(at.Unix()))
	for what, n := range counts {
		s.changes.WithLabelValues(what).Add(float64(n))
	}
}
