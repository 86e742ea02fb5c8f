package otlp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// door is a door that remembers what came through it.
type door struct {
	mu         sync.Mutex
	deliveries []intake.Delivery
	answer     func(ctx context.Context, d intake.Delivery) error // nil is success
	forget     bool                                               // keep nothing
}

func (d *door) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	d.mu.Lock()
	answer := d.answer
	d.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, del); err != nil {
			return intake.Receipt{}, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.forget {
		d.deliveries = append(d.deliveries, del)
	}
	return intake.Receipt{Seqs: make([]uint64, len(del.Drafts))}, nil
}

func (d *door) set(answer func(context.Context, intake.Delivery) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer = answer
}

// take returns what came through since the last take.
func (d *door) take() []intake.Delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := d.deliveries
	d.deliveries = nil
	return out
}

// one returns the drafts of the only delivery since the last take.
func (d *door) one(t *testing.T) intake.Delivery {
	t.Helper()
	got := d.take()
	if len(got) != 1 {
		t.Fatalf("%d deliveries", len(got))
	}
	return got[0]
}

// rig is a running receiver and what is around it.
type rig struct {
	*otlp.Receiver
	door       *door
	log        *lockedBuffer
	metrics    *prometheus.Registry
	health     *health.Registry
	http, grpc string
	client     *http.Client
	scheme     string
	stop       func() error // ends Run and returns its error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a receiver on loopback until the test ends.
func start(t testing.TB, cfg otlp.Config, prepare ...func(*otlp.Receiver)) *rig {
	t.Helper()
	if cfg.HTTPAddr == "" && cfg.GRPCAddr == "" {
		cfg.HTTPAddr, cfg.GRPCAddr = "127.0.0.1:0", "127.0.0.1:0"
	}
	r := &rig{door: &door{}, log: &lockedBuffer{}, metrics: prometheus.NewRegistry(), health: &health.Registry{}, client: &http.Client{}, scheme: "http"}
	if cfg.CertFile != "" {
		r.scheme = "https"
	}
	var err error
	r.Receiver, err = otlp.New(cfg, otlp.Deps{
		Door: r.door, Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: r.metrics, Health: r.health,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prepare {
		p(r.Receiver)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		if err := r.stop(); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	if r.http, r.grpc, err = r.Addrs(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// response is an answer over HTTP.
type response struct {
	code   int
	header http.Header
	body   string
}

// post sends one request; headers come in pairs.
func (r *rig) post(t *testing.T, path, contentType string, body io.Reader, headers ...string) response {
	t.Helper()
	res, err := r.tryPost(t.Context(), path, contentType, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func (r *rig) tryPost(ctx context.Context, path, contentType string, body io.Reader, headers ...string) (response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.scheme+"://"+r.http+path, body)
	if err != nil {
		return response{}, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(b)}, err
}

// dial opens a gRPC connection.
func (r *rig) dial(t *testing.T, conf *tls.Config) *grpc.ClientConn {
	t.Helper()
	creds := insecure.NewCredentials()
	if conf != nil {
		creds = credentials.NewTLS(conf)
	}
	conn, err := grpc.NewClient(r.grpc, grpc.WithTransportCredentials(creds))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// scrape renders the receiver's metrics as Prometheus would read them.
func (r *rig) scrape(t *testing.T) string {
	t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// conditions lists the raised health conditions.
func (r *rig) conditions() string {
	var list []string
	for _, c := range r.health.Conditions() {
		list = append(list, c.Code)
	}
	return strings.Join(list, " ")
}

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/otlp-raw/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, s); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// chunked hides the length of a body, so that it is sent in chunks.
func chunked(s string) io.Reader { return io.MultiReader(strings.NewReader(s), strings.NewReader("")) }

// oneEvent is an export of one event as JSON.
const oneEvent = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"claude-code"}}]},"scopeLogs":[{"scope":` +
	`{"name":"com.anthropic.claude_code.events"},"logRecords":[{"timeUnixNano":"1795413600000000000","body":{"stringValue":"claude_code.user_prompt"},"attributes":[` +
	`{"key":"event.name","value":{"stringValue":"user_prompt"}},{"key":"user.email","value":{"stringValue":"dana@example.com"}},` +
	`{"key":"session.id","value":{"stringValue":"s-1"}},{"key":"prompt","value":{"stringValue":"hello"}}]}]}]}]}`

func record(t *testing.T, del intake.Delivery) *audit.Record {
	t.Helper()
	if len(del.Drafts) != 1 {
		t.Fatalf("%d drafts", len(del.Drafts))
	}
	return del.Drafts[0].Record
}
