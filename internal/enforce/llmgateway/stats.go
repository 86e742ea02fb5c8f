package llmgateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/policy"
)

// stats are the gateway's own metrics:
//
//	tripod_gateway_requests_total{route,ended,status}  requests by how they ended; status is the class of the answer's: 2xx
//	tripod_gateway_first_byte_seconds{route}           until the head of the upstream's answer, the upstream's own time included
//	tripod_gateway_scan_seconds{part}                  time policy took for a request
//	tripod_gateway_durable_seconds                     time until a request was on record, where it waits for that
//	tripod_gateway_verdicts_total{effect,mode}         rules that matched, by what they ask for and whether they enforce
//	tripod_gateway_withheld_total                      tool calls that were not passed on
//	tripod_gateway_cut_total                           answers that were ended by a rule
//	tripod_gateway_redacted_total                      parts of requests that were replaced
//	tripod_gateway_kept_bytes                          bytes of bodies and answers that wait to be read
type stats struct {
	requests *prometheus.CounterVec
	first    *prometheus.HistogramVec
	scan     *prometheus.HistogramVec
	durable  prometheus.Histogram
	verdicts *prometheus.CounterVec
	withheld prometheus.Counter
	cut      prometheus.Counter
	redacted prometheus.Counter
	kept     prometheus.GaugeFunc
}

func newStats(reg prometheus.Registerer, kept func() float64) (*stats, error) {
	fine := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	s := &stats{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_gateway_requests_total", Help: "Requests to the LLM gateway by how they ended."}, []string{"route", "ended", "status"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tripod_gateway_first_byte_seconds", Help: "Time until the head of the upstream's answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"route"}),
		scan: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tripod_gateway_scan_seconds", Help: "Time policy took for a request.", Buckets: fine}, []string{"part"}),
		durable: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "tripod_gateway_durable_seconds", Help: "Time until a request was on record, where it waits for that.", Buckets: fine}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_gateway_verdicts_total", Help: "Rules that matched what passes the LLM gateway."}, []string{"effect", "mode"}),
		withheld: counter("tripod_gateway_withheld_total", "Tool calls of answers that were not passed on."),
		cut:      counter("tripod_gateway_cut_total", "Answers that were ended by a rule."),
		redacted: counter("tripod_gateway_redacted_total", "Parts of requests that were replaced."),
		kept: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "tripod_gateway_kept_bytes", Help: "Bytes of bodies and answers that wait to be read."}, kept),
	}
	if reg == nil {
		return s, nil
	}
	for _, c := range []prometheus.Collector{s.requests, s.first, s.scan, s.durable, s.verdicts, s.withheld, s.cut, s.redacted, s.kept} {
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

func (s *stats) scanned(part string, d time.Duration) {
	s.scan.WithLabelValues(part).Observe(d.Seconds())
}

func (s *stats) judged(v *policy.Verdict) {
	for _, m := range v.Matches {
		s.verdicts.WithLabelValues(string(m.Effect), string(m.Mode)).Inc()
	}
}
