package complianceapi

import (
	"github.com/prometheus/client_golang/prometheus"
)

// stats are the metrics of the feed: tripod_compliance_rows_total, tripod_compliance_duplicates_total,
// tripod_compliance_lag_seconds.
type stats struct {
	rows       prometheus.Counter
	duplicates prometheus.Counter
	lag        prometheus.Gauge
}

func newStats(reg prometheus.Registerer) (*stats, error) {
	s := &stats{
		rows:       prometheus.NewCounter(prometheus.CounterOpts{Name: "tripod_compliance_rows_total", Help: "Activities read, those read before included."}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{Name: "tripod_compliance_duplicates_total", Help: "Activities read that were on record already."}),
		lag:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "tripod_compliance_lag_seconds", Help: "How far polls are behind the server's time."}),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.rows, s.duplicates, s.lag} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stats) took(rows, duplicates int) {
	s.rows.Add(float64(rows))
	s.duplicates.Add(float64(duplicates))
}
