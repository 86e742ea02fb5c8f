package policy

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an Engine counts: tripod_policy_events_total by point and effect, tripod_policy_matches_total by rule and
// mode, tripod_policy_failures_total by reason, tripod_policy_rules.
type metrics struct {
	events, matches, failures *prometheus.CounterVec
	rules                     prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tripod_policy_" + name, Help: help}, labels)
	}
	m := &metrics{
		events:   counter("events_total", "Events judged, by point and by what had to be done.", "point", "effect"),
		matches:  counter("matches_total", "Rules that matched, excepted ones too.", "rule", "mode"),
		failures: counter("failures_total", "Events not judged, or not wholly, by reason.", "reason"),
		rules:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "tripod_policy_rules", Help: "Rules in force."}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.events, m.matches, m.failures, m.rules} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of policy: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) count(p Point, v *Verdict) {
	m.events.WithLabelValues(string(p), string(v.Effect)).Inc()
	for i := range v.Matches {
		m.matches.WithLabelValues(v.Matches[i].Rule, string(v.Matches[i].Mode)).Inc()
	}
	if v.Failed != nil {
		m.failures.WithLabelValues(reason(v.Failed)).Inc()
	}
}

func reason(err error) string {
	switch {
	case errors.Is(err, ErrIncomplete):
		return "incomplete"
	case errors.Is(err, ErrMalformed):
		return "malformed"
	}
	return "engine"
}
