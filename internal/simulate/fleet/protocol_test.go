package fleet_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/fleet"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// speaking is a world whose clients all speak one protocol.
type speaking struct {
	fleet.World
	protocol string
}

func (s speaking) Between(from, to time.Time) []world.Act {
	list := s.World.Between(from, to)
	changed := map[*world.Process]*world.Process{}
	for i := range list {
		p := list[i].Process
		if p == nil {
			continue
		}
		if changed[p] == nil {
			c := *p
			c.Client.Protocol = s.protocol
			changed[p] = &c
		}
		list[i].Process = changed[p]
	}
	return list
}

// rpc is a gRPC receiver.
type rpc struct {
	mu     sync.Mutex
	bodies []string          // guarded by mu
	tokens []string          // guarded by mu
	answer func(n int) error // of the nth call; nil means success
}

func (r *rpc) take(ctx context.Context, js []byte, err error) error {
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.tokens)
	md, _ := metadata.FromIncomingContext(ctx)
	r.tokens = append(r.tokens, strings.Join(md.Get("authorization"), ""))
	if r.answer != nil {
		if err := r.answer(n); err != nil {
			return err
		}
	}
	r.bodies = append(r.bodies, string(js))
	return nil
}

type rpcLogs struct {
	plogotlp.UnimplementedGRPCServer
	*rpc
}

func (r *rpcLogs) Export(ctx context.Context, req plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	js, err := req.MarshalJSON()
	return plogotlp.NewExportResponse(), r.take(ctx, js, err)
}

type rpcTraces struct {
	ptraceotlp.UnimplementedGRPCServer
	*rpc
}

func (r *rpcTraces) Export(ctx context.Context, req ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	js, err := req.MarshalJSON()
	return ptraceotlp.NewExportResponse(), r.take(ctx, js, err)
}

type rpcMetrics struct {
	pmetricotlp.UnimplementedGRPCServer
	*rpc
}

func (r *rpcMetrics) Export(ctx context.Context, req pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	js, err := req.MarshalJSON()
	return pmetricotlp.NewExportResponse(), r.take(ctx, js, err)
}

func newRPC(t *testing.T, answer func(int) error) (*rpc, string) {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rpc{answer: answer}
	srv := grpc.NewServer()
	plogotlp.RegisterGRPCServer(srv, &rpcLogs{rpc: r})
	ptraceotlp.RegisterGRPCServer(srv, &rpcTraces{rpc: r})
	pmetricotlp.RegisterGRPCServer(srv, &rpcMetrics{rpc: r})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := srv.Serve(l); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { srv.Stop(); <-done })
	return r, l.Addr().String()
}

// bodies are a sink's exports as the reference implementation writes what it decoded, in an order of their own.
func (s *sink) bodies() []string {
	var out []string
	for _, r := range s.taken() {
		var req interface {
			UnmarshalProto([]byte) error
			UnmarshalJSON([]byte) error
			MarshalJSON() ([]byte, error)
		}
		switch r.path {
		case "/v1/logs":
			x := plogotlp.NewExportRequest()
			req = &x
		case "/v1/traces":
			x := ptraceotlp.NewExportRequest()
			req = &x
		default:
			x := pmetricotlp.NewExportRequest()
			req = &x
		}
		decode(s.t, r, req.UnmarshalProto, req.UnmarshalJSON)
		js, err := req.MarshalJSON()
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, string(js))
	}
	slices.Sort(out)
	return out
}

// TestProtocolsAgree: a day of the enterprise is the same day over all three protocols, and compressed.
func TestProtocolsAgree(t *testing.T) {
	t.Parallel()
	said := map[string][]string{}
	for _, protocol := range []string{"http/protobuf", "http/json", "grpc", "gzip"} {
		s := newSink(t, nil)
		r, addr := newRPC(t, nil)
		f, _ := week(t, s, func(c *fleet.Config) {
			c.World, c.GRPC, c.Gzip = speaking{c.World, strings.Replace(protocol, "gzip", "http/protobuf", 1)}, addr, protocol == "gzip"
			c.Token = func(d *world.Device) secret.String { return secret.New("of-" + d.Name) }
		})
		if _, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1)); err != nil {
			t.Fatal(err)
		}
		said[protocol] = s.bodies()
		if protocol == "grpc" {
			if len(said[protocol]) > 0 {
				t.Errorf("%d exports came over HTTP", len(said[protocol]))
			}
			said[protocol] = slices.Sorted(slices.Values(r.bodies))
			if !strings.HasPrefix(r.tokens[0], "Bearer of-") {
				t.Errorf("authorization = %q", r.tokens[0])
			}
		}
	}
	want := said["http/protobuf"]
	if len(want) < 20 {
		t.Fatalf("only %d exports", len(want))
	}
	for protocol, got := range said {
		if diff := cmp.Diff(len(want), len(got)); diff != "" || !slices.Equal(want, got) {
			t.Errorf("%s differs from http/protobuf: %d exports, want %d", protocol, len(got), len(want))
		}
	}
}

// TestGRPCIsTriedAgain: what OTLP calls retryable is tried again, the rest is dropped.
func TestGRPCIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := func(code codes.Code, wantRetries int, wantTaken bool) {
		t.Helper()
		s := newSink(t, nil)
		r, addr := newRPC(t, func(n int) error {
			if n == 0 {
				return status.Error(code, "not now")
			}
			return nil
		})
		fl := newFleet(t, fleet.Config{World: one("grpc", "2.1.330"), HTTP: s.URL, GRPC: addr})
		report, err := fl.History(t.Context(), monday, monday.AddDate(0, 0, 1))
		if err != nil {
			t.Fatal(err)
		}
		if report.Retries != wantRetries || (len(r.bodies) == 1) != wantTaken || (len(report.Refused) == 0) != wantTaken {
			t.Errorf("%s: %d retries, %d taken, %d refused", code, report.Retries, len(r.bodies), len(report.Refused))
		}
	}
	f(codes.Unavailable, 1, true)
	f(codes.InvalidArgument, 0, false)
	f(codes.ResourceExhausted, 0, false) // without RetryInfo
	f(codes.Unauthenticated, 0, false)
}

// TestHostileTexts: what people paste arrives as valid OTLP, byte for byte where it is text at all.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	texts := []string{
		"<script>alert(1)</script>", "\x1b[31mred\x1b[0m\x00\x07", "\u202Eevil\u2066", "=cmd|'/c calc'!A0", "\"quoted\\\"\r\n\t\b\f", "\xff\xfe broken \xc3",
		strings.Repeat("x", 1<<20), strings.Repeat("é", 70_000), strings.Repeat("😀", 40_000), "", "\u2028\u2029", "\ufeff bom",
	}
	for _, protocol := range []string{"http/json", "http/protobuf"} {
		for i, text := range texts {
			s := newSink(t, nil)
			a := one(protocol, "2.1.330")
			a[0].Prompt.Text = text
			f := newFleet(t, fleet.Config{World: a, HTTP: s.URL})
			if _, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 1)); err != nil {
				t.Fatal(err)
			}
			if protocol == "http/json" && !json.Valid(s.taken()[0].body) {
				t.Errorf("text %d is no JSON", i)
			}
			got := find(t, s.logs(), "user_prompt")
			want := text
			if len(text) > 61440 {
				const mark = "\n\n[TRUNCATED - Content exceeds 60KB limit]"
				if !strings.HasSuffix(got, mark) || !strings.HasPrefix(text, strings.TrimRight(strings.TrimSuffix(got, mark), "\uFFFD")) || len(got) < 61440 {
					t.Errorf("text %d over %s: cut to %d bytes, …%q", i, protocol, len(got), got[max(0, len(got)-50):])
				}
				continue
			}
			if want = strings.ToValidUTF8(want, "\uFFFD"); strings.ReplaceAll(got, "\uFFFD\uFFFD", "\uFFFD") != want {
				t.Errorf("text %d over %s: %q, want %q", i, protocol, got, want)
			}
		}
	}
}

func find(t *testing.T, list []plog.LogRecord, event string) string {
	t.Helper()
	for _, l := range list {
		if attr(l.Attributes(), "event.name") == event {
			return attr(l.Attributes(), "prompt")
		}
	}
	t.Fatalf("no %s among %d records", event, len(list))
	return ""
}

// TestWhoAsks: the headers are those of the exporter in the client's version, and older ones send bodies of unknown length.
func TestWhoAsks(t *testing.T) {
	t.Parallel()
	f := func(version, agent string, chunked bool) {
		t.Helper()
		s := newSink(t, nil)
		fl := newFleet(t, fleet.Config{World: one("http/protobuf", version), HTTP: s.URL + "/", Token: func(*world.Device) secret.String { return secret.New("t0k3n") }})
		if _, err := fl.History(t.Context(), monday, monday.AddDate(0, 0, 1)); err != nil {
			t.Fatal(err)
		}
		r := s.taken()[0]
		if r.agent != agent || (r.length < 0) != chunked || r.contentType != "application/x-protobuf" || r.authorization != "Bearer t0k3n" || r.path != "/v1/logs" {
			t.Errorf("%s: %+v", version, r)
		}
		if bytes.Contains(r.body, []byte("t0k3n")) {
			t.Error("the token is in the body")
		}
	}
	f("1.0.128", "OTel-OTLP-Exporter-JavaScript/0.200.0", true)
	f("2.1.197", "OTel-OTLP-Exporter-JavaScript/0.208.0", true)
	f("2.1.330", "OTel-OTLP-Exporter-JavaScript/0.208.0", false)
}
