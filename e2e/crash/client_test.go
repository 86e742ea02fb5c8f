package crash

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
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
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// sent is one record as it was sent, and what became of it.
type sent struct {
	key     string // as keyOf recognises it
	session string
	content map[string]string // plaintexts by their names in the record

	acked  bool   // guarded by book.mu: an export with it was acknowledged
	seq    uint64 // position it was found at
	erased bool   // its erasure was ordered
}

// export is one request of a client.
type export struct {
	signal  string
	request interface {
		MarshalProto() ([]byte, error)
		MarshalJSON() ([]byte, error)
	}
	records []*sent
}

// client is one simulated client process after the other, on one protocol: the next export waits for the answer to the
// last, and what was not acknowledged is sent again, as exporters do.
type client struct {
	rng      *rand.Rand
	book     *book
	protocol string // "http/protobuf", "http/json", "grpc"
	device   string
	clock    time.Time
	session  string
	sequence int64
	pending  *export
	acked    []*export // the last few
	most     int       // records an export holds at most
	bulk     int       // length of each text, where it is to take room
	onAck    func(port string, e *export)
}

func newClient(rng *rand.Rand, b *book, protocol string) *client {
	c := &client{rng: rng, book: b, protocol: protocol, clock: time.Now(), most: 25}
	c.device = c.hex(64)
	return c
}

func (c *client) hex(n int) string {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = fmt.Appendf(b, "%016x", c.rng.Uint64())
	}
	return string(b[:n])
}

// text is content nobody sent before, that says where it belongs.
func (c *client) text(what string) string {
	n := 20 + c.rng.IntN(400)
	if c.bulk > 0 {
		n = c.bulk
	} else if c.rng.IntN(60) == 0 {
		n = 30 << 10 // a file body; several pages of every store
	}
	return what + " of " + c.session + ": " + c.hex(n)
}

// next makes an export nobody has seen.
func (c *client) next() *export {
	if c.session == "" || c.sequence > 80 {
		h := c.hex(32)
		c.session, c.sequence = h[:8]+"-"+h[8:12]+"-4"+h[13:16]+"-8"+h[17:20]+"-"+h[20:], 0
	}
	switch c.rng.IntN(8) {
	case 0:
		return c.spans()
	case 1:
		return c.metrics()
	}
	return c.logs(1 + c.rng.IntN(c.most))
}

func (c *client) resource(a pcommon.Map) map[string]string {
	a.PutStr("service.name", "claude-code")
	a.PutStr("service.version", "2.1.330")
	team := "team of " + c.device[:12]
	a.PutStr("team", team) // on no allow list
	return map[string]string{"resource.team": team}
}

func (c *client) identity(a pcommon.Map) {
	a.PutStr("user.id", c.device)
	a.PutStr("session.id", c.session)
	a.PutStr("user.email", "dana@example.com")
}

func (c *client) logs(n int) *export {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	beside := c.resource(rl.Resource().Attributes())
	sl := rl.ScopeLogs().AppendEmpty()
	sl.Scope().SetName("com.anthropic.claude_code.events")
	e := &export{signal: "logs"}
	for range n {
		c.clock = c.clock.Add(time.Millisecond)
		s := &sent{key: fmt.Sprintf("log/%s/%d", c.session, c.sequence), session: c.session, content: map[string]string{}}
		for name, text := range beside {
			s.content[name] = text
		}
		lr := sl.LogRecords().AppendEmpty()
		lr.SetTimestamp(pcommon.NewTimestampFromTime(c.clock))
		lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(c.clock))
		a := lr.Attributes()
		c.identity(a)
		a.PutInt("event.sequence", c.sequence)
		a.PutStr("event.timestamp", c.clock.UTC().Format("2006-01-02T15:04:05.000Z"))
		put := func(name string) {
			s.content[name] = c.text(name)
			a.PutStr(name, s.content[name])
		}
		name := "user_prompt"
		if c.sequence%3 == 1 {
			name = "tool_result"
			a.PutStr("tool_name", "Bash")
			a.PutStr("success", "true")
			put("tool_input")
			put("tomorrow")
		} else {
			put("prompt")
		}
		a.PutStr("event.name", name)
		lr.Body().SetStr("claude_code." + name)
		c.sequence++
		e.records = append(e.records, s)
	}
	e.request = plogotlp.NewExportRequestFromLogs(ld)
	return e
}

func (c *client) spans() *export {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	beside := c.resource(rs.Resource().Attributes())
	ss := rs.ScopeSpans().AppendEmpty()
	e := &export{signal: "traces"}
	for range 1 + c.rng.IntN(5) {
		c.clock = c.clock.Add(time.Millisecond)
		var trace [16]byte
		var span [8]byte
		_, _ = hex.Decode(trace[:], []byte(c.hex(32)))
		_, _ = hex.Decode(span[:], []byte(c.hex(16)))
		s := &sent{key: "span/" + hex.EncodeToString(span[:]), session: c.session, content: map[string]string{"user_prompt": c.text("user_prompt")}}
		for name, text := range beside {
			s.content[name] = text
		}
		sp := ss.Spans().AppendEmpty()
		sp.SetTraceID(trace)
		sp.SetSpanID(span)
		sp.SetName("claude_code.interaction")
		sp.SetStartTimestamp(pcommon.NewTimestampFromTime(c.clock))
		sp.SetEndTimestamp(pcommon.NewTimestampFromTime(c.clock.Add(time.Millisecond)))
		c.identity(sp.Attributes())
		sp.Attributes().PutStr("user_prompt", s.content["user_prompt"])
		e.records = append(e.records, s)
	}
	e.request = ptraceotlp.NewExportRequestFromTraces(td)
	return e
}

func (c *client) metrics() *export {
	md := pmetric.NewMetrics()
	rm := md.ResourceMetrics().AppendEmpty()
	s := &sent{key: "metric/" + c.hex(16), session: c.session, content: c.resource(rm.Resource().Attributes())}
	rm.Resource().Attributes().PutStr("service.version", s.key) // kept in the record, so that it can be recognised
	sm := rm.ScopeMetrics().AppendEmpty()
	c.clock = c.clock.Add(time.Millisecond)
	m := sm.Metrics().AppendEmpty()
	m.SetName("claude_code.token.usage")
	sum := m.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	sum.SetIsMonotonic(true)
	for _, kind := range []string{"input", "output"} {
		p := sum.DataPoints().AppendEmpty()
		p.SetTimestamp(pcommon.NewTimestampFromTime(c.clock))
		p.SetIntValue(c.rng.Int64N(1000))
		c.identity(p.Attributes())
		p.Attributes().PutStr("type", kind)
	}
	return &export{signal: "metrics", request: pmetricotlp.NewExportRequestFromMetrics(md), records: []*sent{s}}
}

// line is a client's connection to one serve.
type line struct {
	base string
	http *http.Client
	grpc *grpc.ClientConn
	port string // of the client, of the last HTTP request
}

func (s *serve) dial(t *testing.T) *line {
	t.Helper()
	conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	l := &line{base: s.HTTP, http: &http.Client{Transport: &http.Transport{}}, grpc: conn}
	t.Cleanup(l.close)
	return l
}

func (l *line) close() {
	l.http.CloseIdleConnections()
	_ = l.grpc.Close()
}

// refused is an answer other than success.
type refused struct {
	code       int
	retryAfter string
	body       string
}

func (e *refused) Error() string { return fmt.Sprintf("answered %d: %s", e.code, e.body) }

// deliver sends an export; nil means that it was acknowledged.
func (l *line) deliver(ctx context.Context, e *export, protocol string) error {
	if protocol == "grpc" {
		return l.overGRPC(ctx, e)
	}
	contentType, encode := "application/x-protobuf", e.request.MarshalProto
	if protocol == "http/json" {
		contentType, encode = "application/json", e.request.MarshalJSON
	}
	body, err := encode()
	if err != nil {
		return err
	}
	return l.post(ctx, "/v1/"+e.signal, contentType, body)
}

func (l *line) post(ctx context.Context, path, contentType string, body []byte, headers ...string) error {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) {
		_, l.port, _ = net.SplitHostPort(i.Conn.LocalAddr().String())
	}})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", contentType)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := l.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusOK {
		return &refused{res.StatusCode, res.Header.Get("Retry-After"), string(answer)}
	}
	return err
}

func (l *line) overGRPC(ctx context.Context, e *export) (err error) {
	switch req := e.request.(type) {
	case plogotlp.ExportRequest:
		_, err = plogotlp.NewGRPCClient(l.grpc).Export(ctx, req)
	case ptraceotlp.ExportRequest:
		_, err = ptraceotlp.NewGRPCClient(l.grpc).Export(ctx, req)
	case pmetricotlp.ExportRequest:
		_, err = pmetricotlp.NewGRPCClient(l.grpc).Export(ctx, req)
	default:
		err = fmt.Errorf("no gRPC for %T", req)
	}
	return err
}

// step delivers what is pending, or what is next; sometimes something that was acknowledged before.
func (c *client) step(ctx context.Context, l *line) error {
	if len(c.acked) > 0 && c.rng.IntN(10) == 0 {
		again := c.acked[c.rng.IntN(len(c.acked))]
		err := l.deliver(ctx, again, c.protocol)
		if err == nil && c.onAck != nil {
			c.onAck(l.port, again)
		}
		return err
	}
	if c.pending == nil {
		c.pending = c.next()
		c.book.write(c.pending)
	}
	if err := l.deliver(ctx, c.pending, c.protocol); err != nil {
		return err
	}
	c.book.acknowledge(c.pending)
	if c.onAck != nil {
		c.onAck(l.port, c.pending)
	}
	c.acked = append(c.acked, c.pending)
	if len(c.acked) > 8 {
		c.acked = c.acked[1:]
	}
	c.pending = nil
	return nil
}

// crowd is several clients, over all protocols.
type crowd []*client

func newCrowd(rng *rand.Rand, b *book, n int) crowd {
	var all crowd
	for i := range n {
		protocol := []string{"http/protobuf", "grpc", "http/json"}[i%3]
		all = append(all, newClient(rand.New(rand.NewPCG(rng.Uint64(), 1)), b, protocol))
	}
	return all
}

// send lets all clients send until the context ends or serve no longer answers, and returns when none sends any more.
func (cs crowd) send(ctx context.Context, t *testing.T, s *serve) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range cs {
		l := s.dial(t)
		wg.Go(func() {
			defer l.close()
			for ctx.Err() == nil {
				if err := c.step(ctx, l); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// flush sends what is pending, which has to be acknowledged.
func (cs crowd) flush(t *testing.T, s *serve) {
	t.Helper()
	for _, c := range cs {
		l := s.dial(t)
		for c.pending != nil {
			if err := c.step(t.Context(), l); err != nil {
				t.Fatalf("send what is pending over %s: %v", c.protocol, err)
			}
		}
		l.close()
	}
}

// same tells whether two texts are equal without printing them.
func same(a, b []byte) bool { return sha256.Sum256(a) == sha256.Sum256(b) }

// lines splits a list of JSON objects.
func lines(s string) []string {
	if s = strings.TrimSuffix(s, "\n"); s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
