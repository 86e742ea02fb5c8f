package fleet_test

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// monday is where the tests' week begins.
var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

// acts is a world told by hand.
type acts []world.Act

func (a acts) Between(from, to time.Time) []world.Act {
	var list []world.Act
	for _, x := range a {
		if !x.At.Before(from) && x.At.Before(to) {
			list = append(list, x)
		}
	}
	return list
}

func (a acts) Live(int, time.Time) []world.Act { return a }

// sink is a receiver that keeps what it is given, as the reference implementation decodes it.
type sink struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	requests []request                           // guarded by mu
	answer   func(n int, r request) (status int) // of the nth request, from 0; nil means 200
}

type request struct {
	path, contentType, agent, authorization string
	length                                  int64
	body                                    []byte
	at                                      time.Time
	status                                  int
}

func newSink(t *testing.T, answer func(int, request) int) *sink {
	t.Helper()
	s := &sink{t: t, answer: answer}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			s.t.Error(err)
			return
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		s.t.Error(err)
	}
	req := request{
		path: r.URL.Path, contentType: r.Header.Get("Content-Type"), agent: r.UserAgent(), authorization: r.Header.Get("Authorization"),
		length: r.ContentLength, body: b, at: time.Now(), status: http.StatusOK,
	}
	s.mu.Lock()
	n := len(s.requests)
	if s.answer != nil {
		req.status = s.answer(n, req)
	}
	s.requests = append(s.requests, req)
	s.mu.Unlock()
	if req.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "0")
	}
	w.WriteHeader(req.status)
}

func (s *sink) taken() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []request
	for _, r := range s.requests {
		if r.status == http.StatusOK {
			list = append(list, r)
		}
	}
	return list
}

// logs decodes every log record that was taken, in the order of arrival.
func (s *sink) logs() []plog.LogRecord {
	s.t.Helper()
	var list []plog.LogRecord
	for _, r := range s.taken() {
		if r.path != "/v1/logs" {
			continue
		}
		req := decodeLogs(s.t, r)
		for _, rl := range req.Logs().ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, l := range sl.LogRecords().All() {
					list = append(list, l)
				}
			}
		}
	}
	return list
}

func decodeLogs(t *testing.T, r request) plogotlp.ExportRequest {
	t.Helper()
	req := plogotlp.NewExportRequest()
	decode(t, r, req.UnmarshalProto, req.UnmarshalJSON)
	return req
}

func decode(t *testing.T, r request, proto, json func([]byte) error) {
	t.Helper()
	f := proto
	if r.contentType == "application/json" {
		f = json
	}
	if err := f(r.body); err != nil {
		t.Fatalf("%s (%s): %v", r.path, r.contentType, err)
	}
}

func (s *sink) spans() []ptrace.Span {
	s.t.Helper()
	var list []ptrace.Span
	for _, r := range s.taken() {
		if r.path != "/v1/traces" {
			continue
		}
		req := ptraceotlp.NewExportRequest()
		decode(s.t, r, req.UnmarshalProto, req.UnmarshalJSON)
		for _, rs := range req.Traces().ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, sp := range ss.Spans().All() {
					list = append(list, sp)
				}
			}
		}
	}
	return list
}

func (s *sink) metrics() []pmetric.ResourceMetrics {
	s.t.Helper()
	var list []pmetric.ResourceMetrics
	for _, r := range s.taken() {
		if r.path != "/v1/metrics" {
			continue
		}
		req := pmetricotlp.NewExportRequest()
		decode(s.t, r, req.UnmarshalProto, req.UnmarshalJSON)
		for _, rm := range req.Metrics().ResourceMetrics().All() {
			list = append(list, rm)
		}
	}
	return list
}

func attr(m pcommon.Map, name string) string {
	v, ok := m.Get(name)
	if !ok {
		return ""
	}
	return v.AsString()
}

func newFleet(t testing.TB, cfg fleet.Config) *fleet.Fleet {
	t.Helper()
	if cfg.Org == nil {
		cfg.Org = &world.Org{Name: "Lab", UUID: "0a0a0a0a-0000-4000-8000-000000000000"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	f, err := fleet.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// week is a fleet of a whole simulated enterprise.
func week(t *testing.T, s *sink, change func(*fleet.Config)) (*fleet.Fleet, *world.World) {
	t.Helper()
	w := world.New(world.Options{Seed: 7})
	cfg := fleet.Config{World: w, Org: &w.Org, HTTP: s.URL}
	if change != nil {
		change(&cfg)
	}
	return newFleet(t, cfg), w
}

func short(s string) string { return strings.TrimPrefix(s, "claude_code.") }
