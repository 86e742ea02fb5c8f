package forward

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics: tripod_forward_lag_records, tripod_forward_lag_seconds, tripod_forward_sent_total, tripod_forward_dead_letters,
// tripod_forward_last_seq, each by sink.
type collector struct {
	f                              *Forwarder
	lag, seconds, sent, dead, last *prometheus.Desc
}

func newCollector(f *Forwarder) *collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("tripod_forward_"+name, help, []string{"sink"}, nil)
	}
	return &collector{
		f:       f,
		lag:     desc("lag_records", "Records that wait for a sink."),
		seconds: desc("lag_seconds", "Time since the oldest record that waits for a sink was recorded."),
		sent:    desc("sent_total", "Items that a sink acknowledged since it is known here."),
		dead:    desc("dead_letters", "Items that a sink refused for good and that are kept."),
		last:    desc("last_seq", "Position up to which a sink has everything."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.lag, c.seconds, c.sent, c.dead, c.last} {
		to <- d
	}
}

const collectTime = 5 * time.Second

// Collect implements prometheus.Collector. What cannot be read is left out.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTime)
	defer cancel()
	list, err := c.f.Status(ctx)
	if err != nil {
		return
	}
	for _, s := range list {
		gauge := func(d *prometheus.Desc, v float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Sink)
		}
		gauge(c.lag, float64(s.LagRecords))
		gauge(c.seconds, s.LagSeconds)
		gauge(c.dead, float64(s.Dead))
		gauge(c.last, float64(s.LastSeq))
		to <- prometheus.MustNewConstMetric(c.sent, prometheus.CounterValue, float64(s.Sent), s.Sink)
	}
}
