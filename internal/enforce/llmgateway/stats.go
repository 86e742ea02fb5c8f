package llmgateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// stats are the gateway's own metrics:
//
//	tripod_gateway_requests_total{route,ended,status}  requests by how they ended; status is the class of the answer's: 2xx
//	tripod_gateway_first_byte_seconds{route}           until the head of the upstream's answer, the upstream's own time included
type stats struct {
	requests *prometheus.CounterVec
	first    *prometheus.HistogramVec
}

func newStats(reg prometheus.Registerer) (*stats, error) {
	s := &stats{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_gateway_requests_total", Help: "Requests to the LLM gateway by how they ended."}, []string{"route", "ended", "status"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tripod_gateway_first_byte_seconds", Help: "Time until the head of the upstream's answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"route"}),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.requests, s.first} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *stats) ended(r route, how string, status int) {
	class := "none"
	if status > 0 {
		class = strconv.Itoa(status/100) + "xx"
	}
	s.requests.WithLabelValues(string(r), how, class).Inc()
}

func (s *stats) firstByte(r route, d time.Duration) {
	s.first.WithLabelValues(string(r)).Observe(d.Seconds())
}
