package content

import "github.com/prometheus/client_golang/prometheus"

// stats are the metrics of content: tripod_compliance_content_records_total and tripod_compliance_content_duplicates_total,
// by part.
type stats struct {
	records, duplicates *prometheus.CounterVec
}

func newStats(reg prometheus.Registerer) (*stats, error) {
	s := &stats{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_compliance_content_records_total", Help: "Records made of objects and messages, those made before included.",
		}, []string{"part"}),
		duplicates: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_compliance_content_duplicates_total", Help: "Records made that were in the journal already.",
		}, []string{"part"}),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.records, s.duplicates} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stats) took(part string, records, duplicates int) {
	s.records.WithLabelValues(part).Add(float64(records))
	s.duplicates.WithLabelValues(part).Add(float64(duplicates))
}
