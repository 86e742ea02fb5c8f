package complianceapi

import (
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/backlog"
)

// stats are the metrics of the feed: tripod_compliance_rows_total, tripod_compliance_duplicates_total,
// tripod_compliance_lag_seconds, tripod_compliance_backlog_seconds, tripod_compliance_backlog_eta_seconds.
type stats struct {
	rows       prometheus.Counter
	duplicates prometheus.Counter
	lag        prometheus.Gauge
}

func newStats(reg prometheus.Registerer, past func() backlog.Progress) (*stats, error) {
	s := &stats{
		rows:       prometheus.NewCounter(prometheus.CounterOpts{Name: "tripod_compliance_rows_total", Help: "Activities read, those read before included."}),
		duplicates: prometheus.NewCounter(prometheus.CounterOpts{Name: "tripod_compliance_duplicates_total", Help: "Activities read that were on record already."}),
		lag:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "tripod_compliance_lag_seconds", Help: "How far polls are behind the server's time."}),
	}
	if reg == nil {
		return s, nil
	}
	left := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tripod_compliance_backlog_seconds", Help: "How much of the feed's past is not read yet, in seconds of its time.",
	}, func() float64 { return past().Left.Seconds() })
	eta := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tripod_compliance_backlog_eta_seconds", Help: "How long the reading of the past will take at this pace; NaN while that is not known.",
	}, func() float64 {
		if p := past(); p.ETA != backlog.Unknown {
			return p.ETA.Seconds()
		}
		return math.NaN()
	})
	for _, c := range []prometheus.Collector{s.rows, s.duplicates, s.lag, left, eta} {
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
