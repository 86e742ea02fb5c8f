package otlp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/intake"
)

const (
	protobuf = "application/x-protobuf"
	jsonType = "application/json"
)

// TestHTTP sends what real clients sent, in every way they may send it.
func TestHTTP(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	f := func(path, contentType, name string, records int) {
		t.Helper()
		body := fixture(t, name)
		for _, way := range []string{"plain", "gzip", "chunked", "gzip chunked"} {
			send, headers := body, []string(nil)
			if strings.Contains(way, "gzip") {
				send, headers = gzipped(t, body), []string{"Content-Encoding", "gzip"}
			}
			var res response
			if strings.Contains(way, "chunked") {
				res = r.post(t, path, contentType, chunked(send), headers...)
			} else {
				res = r.post(t, path, contentType, strings.NewReader(send), headers...)
			}
			want, answerType := "", protobuf
			if strings.HasPrefix(contentType, jsonType) {
				want, answerType = `{"partialSuccess":{}}`, jsonType
			}
			if res.code != http.StatusOK || res.body != want || res.header.Get("Content-Type") != answerType {
				t.Errorf("%s %s: %d %q %q", name, way, res.code, res.header.Get("Content-Type"), res.body)
			}
			if got := r.door.one(t); len(got.Drafts) != records || got.Drafts[0].Record.IP != "127.0.0.1" || len(got.Drafts[0].Form) == 0 {
				t.Errorf("%s %s: %d drafts, want %d", name, way, len(got.Drafts), records)
			}
		}
	}
	f("/v1/logs", protobuf, "files-full-0001-logs.pb", 14)
	f("/v1/logs", "application/protobuf", "files-full-0002-logs.pb", 2)
	f("/v1/traces", protobuf, "files-full-0003-traces.pb", 14)
	f("/v1/metrics", protobuf, "files-full-0004-metrics.pb", 1)
	f("/v1/logs", jsonType+"; charset=utf-8", "hj-full-0001-logs.raw.json", 11)
	f("/v1/traces", jsonType, "hj-full-0002-traces.raw.json", 6)
	f("/v1/metrics", jsonType, "hj-full-0003-metrics.raw.json", 1)

	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(`{}`)); res.code != http.StatusOK || len(r.door.take()) != 0 {
		t.Errorf("an export of nothing: %d %s", res.code, res.body)
	}
	if res := r.post(t, "/v1/logs", protobuf, strings.NewReader("")); res.code != http.StatusOK || len(r.door.take()) != 0 {
		t.Errorf("an empty export: %d %s", res.code, res.body)
	}
	var answer plogotlp.ExportResponse = plogotlp.NewExportResponse()
	res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent))
	if err := answer.UnmarshalJSON([]byte(res.body)); err != nil || answer.PartialSuccess().RejectedLogRecords() != 0 {
		t.Errorf("the answer is no ExportLogsServiceResponse: %v", err)
	}
}

// TestGRPC sends over gRPC with the collector's own client.
func TestGRPC(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	conn := r.dial(t, nil)
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
		logs := plogotlp.NewExportRequest()
		if err := logs.UnmarshalProto([]byte(fixture(t, "files-full-0001-logs.pb"))); err != nil {
			t.Fatal(err)
		}
		if _, err := plogotlp.NewGRPCClient(conn).Export(t.Context(), logs, opts...); err != nil {
			t.Fatal(err)
		}
		if got := r.door.one(t); len(got.Drafts) != 14 || got.Drafts[0].Record.IP != "127.0.0.1" {
			t.Errorf("%d drafts", len(got.Drafts))
		}
		traces := ptraceotlp.NewExportRequest()
		if err := traces.UnmarshalProto([]byte(fixture(t, "files-full-0003-traces.pb"))); err != nil {
			t.Fatal(err)
		}
		if _, err := ptraceotlp.NewGRPCClient(conn).Export(t.Context(), traces, opts...); err != nil {
			t.Fatal(err)
		}
		if got := r.door.one(t); len(got.Drafts) != 14 {
			t.Errorf("%d drafts", len(got.Drafts))
		}
		metrics := pmetricotlp.NewExportRequest()
		if err := metrics.UnmarshalProto([]byte(fixture(t, "files-full-0004-metrics.pb"))); err != nil {
			t.Fatal(err)
		}
		if _, err := pmetricotlp.NewGRPCClient(conn).Export(t.Context(), metrics, opts...); err != nil {
			t.Fatal(err)
		}
		if got := r.door.one(t); len(got.Drafts) != 1 {
			t.Errorf("%d drafts", len(got.Drafts))
		}
	}
}

// TestSameOverBoth: an export gives the same forms over gRPC and HTTP, so that a retry by another way is recognised.
func TestSameOverBoth(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	body := fixture(t, "files-full-0001-logs.pb")
	req := plogotlp.NewExportRequest()
	if err := req.UnmarshalProto([]byte(body)); err != nil {
		t.Fatal(err)
	}
	if _, err := plogotlp.NewGRPCClient(r.dial(t, nil)).Export(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	first := r.door.one(t)
	r.post(t, "/v1/logs", protobuf, strings.NewReader(body))
	second := r.door.one(t)
	json, err := req.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	r.post(t, "/v1/logs", jsonType, strings.NewReader(string(json)))
	third := r.door.one(t)
	for i := range first.Drafts {
		if a, b, c := string(first.Drafts[i].Form), string(second.Drafts[i].Form), string(third.Drafts[i].Form); a != b || b != c {
			t.Errorf("draft %d has other forms", i)
		}
	}
}

// TestNotDurable: without durability there is no acknowledgement, and the client is told to come again.
func TestNotDurable(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	r.door.set(func(context.Context, intake.Delivery) error {
		return fmt.Errorf("append: %w: disk full", intake.ErrUnavailable)
	})
	res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent))
	if res.code != http.StatusServiceUnavailable || res.header.Get("Retry-After") != "2" || !strings.HasPrefix(res.body, `{"code":14,"message":"`) {
		t.Errorf("%d, Retry-After %q, %q", res.code, res.header.Get("Retry-After"), res.body)
	}
	res = r.post(t, "/v1/logs", protobuf, strings.NewReader(fixture(t, "files-full-0002-logs.pb")))
	if res.code != http.StatusServiceUnavailable || !strings.HasPrefix(res.body, "\x08\x0e\x12") {
		t.Errorf("%d %q", res.code, res.body)
	}
	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	_, err := client.Export(t.Context(), event(t))
	st := status.Convert(err)
	if st.Code() != codes.Unavailable || len(st.Details()) != 1 {
		t.Fatalf("gRPC answers %v with %d details", err, len(st.Details()))
	}
	if info, ok := st.Details()[0].(*errdetails.RetryInfo); !ok || info.GetRetryDelay().AsDuration() != 2*time.Second {
		t.Errorf("detail %v", st.Details()[0])
	}
	if r.conditions() != "otlp.unavailable" {
		t.Errorf("conditions %q", r.conditions())
	}
	r.door.set(nil)
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusOK || r.conditions() != "" {
		t.Errorf("afterwards: %d, conditions %q", res.code, r.conditions())
	}
	// Whatever else goes wrong on the way to durability, the client must keep the batch.
	r.door.set(func(context.Context, intake.Delivery) error { return errors.New("something else") })
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusServiceUnavailable {
		t.Errorf("an unknown error: %d", res.code)
	}
}

func event(t *testing.T) plogotlp.ExportRequest {
	t.Helper()
	d, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(oneEvent))
	if err != nil {
		t.Fatal(err)
	}
	return plogotlp.NewExportRequestFromLogs(d)
}

// TestOddBatch: a batch with odd values is taken whole.
func TestOddBatch(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	body := strings.Replace(oneEvent, `{"stringValue":"s-1"}`, `{"doubleValue":{}}`, 1)
	body = strings.Replace(body, `"hello"`, `"cut \ud83d"`, 1)
	body = strings.Replace(body, `"resourceLogs":[`, `"resourceLogs":[{"resource":7,"scopeLogs":[{"logRecords":["text"]}]},`, 1)
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(body)); res.code != http.StatusOK {
		t.Fatalf("%d %s", res.code, res.body)
	}
	if got := r.door.one(t); len(got.Drafts) != 2 {
		t.Errorf("%d drafts", len(got.Drafts))
	}
	if m := r.scrape(t); !strings.Contains(m, `tripod_otlp_flagged_total{flag="invalid_text"} 1`) || !strings.Contains(m, `tripod_otlp_records_total{signal="logs"} 2`) {
		t.Errorf("metrics:\n%s", m)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{MaxBody: 4000, MaxUnpacked: 8000})
	f := func(want int, path, contentType, body string, headers ...string) {
		t.Helper()
		for _, b := range []func(string) (r response){
			func(s string) response { return r.post(t, path, contentType, strings.NewReader(s), headers...) },
			func(s string) response { return r.post(t, path, contentType, chunked(s), headers...) },
		} {
			if res := b(body); res.code != want || len(r.door.take()) != 0 || strings.Contains(res.body, "canary") {
				t.Errorf("%s %q %q: %d %q, want %d", path, contentType, headers, res.code, res.body, want)
			}
		}
	}
	f(http.StatusBadRequest, "/v1/logs", jsonType, `canary`)
	f(http.StatusBadRequest, "/v1/logs", jsonType, `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":"canary`)
	f(http.StatusBadRequest, "/v1/logs", protobuf, `canary`)
	f(http.StatusBadRequest, "/v1/logs", jsonType, `canary`, "Content-Encoding", "gzip")
	f(http.StatusBadRequest, "/v1/logs", jsonType, gzipped(t, oneEvent)[:60]+"canary"+gzipped(t, oneEvent)[60:], "Content-Encoding", "gzip")
	f(http.StatusNotFound, "/", jsonType, oneEvent)
	f(http.StatusNotFound, "/v1/logs/", jsonType, oneEvent)
	f(http.StatusNotFound, "/v1/profiles", jsonType, oneEvent)
	f(http.StatusUnsupportedMediaType, "/v1/logs", "text/plain", oneEvent)
	f(http.StatusUnsupportedMediaType, "/v1/logs", "", oneEvent)
	f(http.StatusUnsupportedMediaType, "/v1/logs", "application/json/x", oneEvent)
	f(http.StatusUnsupportedMediaType, "/v1/logs", jsonType, oneEvent, "Content-Encoding", "br")
	f(http.StatusForbidden, "/v1/logs", jsonType, oneEvent, "Origin", "https://evil.example")
	f(http.StatusRequestEntityTooLarge, "/v1/logs", jsonType, oneEvent+strings.Repeat(" ", 4000))
	f(http.StatusRequestEntityTooLarge, "/v1/logs", jsonType, gzipped(t, oneEvent+strings.Repeat(" ", 8000)), "Content-Encoding", "gzip")
	f(http.StatusRequestEntityTooLarge, "/v1/logs", jsonType, gzipped(t, strings.Repeat(" ", 8<<20)), "Content-Encoding", "gzip")
	res, err := r.client.Get("http://" + r.http + "/v1/logs")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", res.StatusCode)
	}
	if r.conditions() != "otlp.refused" {
		t.Errorf("conditions %q", r.conditions())
	}

	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	large := event(t)
	large.Logs().ResourceLogs().At(0).Resource().Attributes().PutStr("x", strings.Repeat("canary", 2000))
	for _, opts := range [][]grpc.CallOption{nil, {grpc.UseCompressor(gzip.Name)}} {
		if _, err := client.Export(t.Context(), large, opts...); status.Code(err) != codes.ResourceExhausted || strings.Contains(err.Error(), "canary") {
			t.Errorf("a large message over gRPC: %v", err)
		}
	}
	if _, err := client.Export(t.Context(), event(t)); err != nil {
		t.Errorf("the connection is of no use afterwards: %v", err)
	}
}

// TestTooMany: more records than one export may hold are refused, not made.
func TestTooMany(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	body := `{"resourceLogs":[{"scopeLogs":[{"logRecords":[` + strings.Repeat("{},", 20_000) + `{}]}]}]}`
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(body)); res.code != http.StatusRequestEntityTooLarge || len(r.door.take()) != 0 {
		t.Errorf("%d %s", res.code, res.body)
	}
}

// TestRoom: a request that finds no room among others is told to come again.
func TestRoom(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{MaxBody: 4 << 10, MaxUnpacked: 4 << 10, MaxInFlight: 1}, func(r *otlp.Receiver) { r.SetPatience(0) })
	entered, leave := make(chan struct{}), make(chan struct{})
	r.door.set(func(context.Context, intake.Delivery) error {
		close(entered)
		<-leave
		return nil
	})
	first := make(chan response)
	go func() {
		res, err := r.tryPost(context.Background(), "/v1/logs", jsonType, strings.NewReader(oneEvent))
		if err != nil {
			res.body = err.Error()
		}
		first <- res
	}()
	<-entered
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusServiceUnavailable || res.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", res.code, res.body)
	}
	if _, err := plogotlp.NewGRPCClient(r.dial(t, nil)).Export(t.Context(), event(t)); status.Code(err) != codes.Unavailable {
		t.Errorf("gRPC: %v", err)
	}
	close(leave)
	if res := <-first; res.code != http.StatusOK {
		t.Errorf("the first: %d %s", res.code, res.body)
	}
	r.door.set(nil)
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusOK {
		t.Errorf("room is not given back: %d %s", res.code, res.body)
	}
}

// TestStop: exports under way are answered before Run returns, and nothing new is taken in.
func TestStop(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	r.door.set(func(ctx context.Context, _ intake.Delivery) error {
		entered <- struct{}{}
		<-leave
		return ctx.Err()
	})
	answers := make(chan error, 2)
	go func() {
		res, err := r.tryPost(context.Background(), "/v1/logs", jsonType, strings.NewReader(oneEvent))
		if err == nil && res.code != http.StatusOK {
			err = fmt.Errorf("%d %s", res.code, res.body)
		}
		answers <- err
	}()
	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	req := event(t)
	go func() {
		_, err := client.Export(context.Background(), req)
		answers <- err
	}()
	<-entered
	<-entered
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	for { // until the listeners are closed
		conn, err := net.Dial("tcp", r.http)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-stopped:
		t.Fatalf("Run returned while exports are under way: %v", err)
	default:
	}
	close(leave)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestClientGone: what a client had sent before it was killed is taken in.
func TestClientGone(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	entered, leave, left := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r.door.set(func(ctx context.Context, _ intake.Delivery) error {
		close(entered)
		<-leave
		left <- ctx.Err()
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := r.tryPost(ctx, "/v1/logs", jsonType, strings.NewReader(oneEvent))
		gone <- err
	}()
	<-entered
	cancel()
	if err := <-gone; err == nil {
		t.Fatal("the client did not go")
	}
	close(leave)
	if err := <-left; err != nil {
		t.Errorf("the delivery was given up: %v", err)
	}
}

// TestPanic: a bug met by one export does not cost the others.
func TestPanic(t *testing.T) {
	t.Parallel()
	r := start(t, otlp.Config{})
	r.door.set(func(context.Context, intake.Delivery) error { panic("canary") })
	if res := r.post(t, "/v1/logs", jsonType, strings.NewReader(oneEvent)); res.code != http.StatusInternalServerError || strings.Contains(res.body, "canary") {
		t.Errorf("%d %s", res.code, res.body)
	}
	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	if _, err := client.Export(t.Context(), event(t)); status.Code(err) != codes.Internal {
		t.Errorf("gRPC: %v", err)
	}
	r.door.set(nil)
	if _, err := client.Export(t.Context(), event(t)); err != nil {
		t.Error(err)
	}
}

// TestBind: when one listener cannot be bound, the other is closed and Addrs tells why.
func TestBind(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r, err := otlp.New(otlp.Config{HTTPAddr: "127.0.0.1:0", GRPCAddr: taken.Addr().String()}, otlp.Deps{Door: &door{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "grpc") {
		t.Errorf("Run: %v", err)
	}
	http, _, err := r.Addrs(t.Context())
	if err == nil {
		t.Error("Addrs does not tell")
	}
	if conn, err := net.Dial("tcp", http); err == nil {
		_ = conn.Close()
		t.Error("the other listener is still open")
	}
	idle, err := otlp.New(otlp.Config{}, otlp.Deps{Door: &door{}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := idle.Addrs(ctx); err == nil {
		t.Error("Addrs returned before anything was bound")
	}
	if err := idle.Run(ctx); err != nil {
		t.Errorf("with both listeners off: %v", err)
	}
}
