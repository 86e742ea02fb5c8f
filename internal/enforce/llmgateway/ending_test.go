package llmgateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/messagesapi"
)

// ended waits until one request has ended in a way, and wants none to have ended in another.
func (p *proxied) ended(t *testing.T, how string) {
	t.Helper()
	count := func() (n, other float64) {
		families, err := p.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "tripod_gateway_requests_total" {
				continue
			}
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if l.GetName() == "ended" && l.GetValue() == how {
						n += m.GetCounter().GetValue()
					} else if l.GetName() == "ended" {
						other += m.GetCounter().GetValue()
					}
				}
			}
		}
		return n, other
	}
	soon(t, "a request that ended as "+how, func() bool { n, other := count(); return n+other > 0 })
	if n, other := count(); n != 1 || other != 0 {
		t.Errorf("%v requests ended as %s, %v otherwise", n, how, other)
	}
}

// soon waits for something that another goroutine does.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 10 s", what)
		case <-tick.C:
		}
	}
}

// slow is an upstream that begins a stream and then waits until the request's context ends, or until it is told to go on.
func slow(t *testing.T, on <-chan struct{}) (url string, gone <-chan struct{}) {
	over := make(chan struct{}, 1)
	return serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			over <- struct{}{}
		case <-on:
			panic(http.ErrAbortHandler)
		}
	})), over
}

// streaming asks and returns when the first event is there.
func streaming(t *testing.T, ctx context.Context, url string) *bufio.Reader {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/messages", strings.NewReader(asking(true, "hello")))
	if err != nil {
		t.Fatal(err)
	}
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	b := bufio.NewReader(res.Body)
	if line, err := b.ReadString('\n'); err != nil || line != "event: message_start\n" {
		t.Fatalf("%q %v", line, err)
	}
	return b
}

func TestEnds(t *testing.T) {
	t.Parallel()
	engines := map[string]func(*testing.T) llmgateway.Engine{
		"observe": func(t *testing.T) llmgateway.Engine { return engine(t) },
		"enforce": func(t *testing.T) llmgateway.Engine { return enforcing(t, rule("response, tool_call", "deny")) },
	}
	for name, make := range engines {
		t.Run(name+" client goes away", func(t *testing.T) {
			t.Parallel()
			up, gone := slow(t, nil)
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, make(t))
			ctx, cancel := context.WithCancel(t.Context())
			streaming(t, ctx, g.url)
			cancel()
			<-gone // the upstream is told
			g.ended(t, "client_abort")
		})
		t.Run(name+" upstream breaks off", func(t *testing.T) {
			t.Parallel()
			on := chanOf()
			up, _ := slow(t, on)
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, make(t))
			b := streaming(t, t.Context(), g.url)
			close(on)
			if _, err := io.ReadAll(b); err == nil {
				t.Error("the client is told of an end that was none")
			}
			g.ended(t, "upstream_reset")
		})
		t.Run(name+" tripod stops", func(t *testing.T) {
			t.Parallel()
			up, gone := slow(t, nil)
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, make(t))
			streaming(t, t.Context(), g.url)
			g.stop()
			<-gone
			g.ended(t, "stopped")
		})
		t.Run(name+" tripod stops before an answer", func(t *testing.T) {
			t.Parallel()
			asked := chanOf()
			up := serveHandler(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				asked <- struct{}{}
				<-r.Context().Done()
			}))
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, make(t))
			go func() { <-asked; g.stop() }()
			if got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "hello")); got.status != 503 || got.header.Get("X-Should-Retry") != "" {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
			g.ended(t, "stopped")
		})
		t.Run(name+" an answer breaks off that is no stream", func(t *testing.T) {
			t.Parallel()
			up := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Length", "1000000")
				_, _ = io.WriteString(w, `{"type":"message"`+strings.Repeat(" ", 1<<17))
			}))
			g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, make(t))
			got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(false, "hello"))
			if got.err == nil && (got.status != 502 || got.header.Get("X-Should-Retry") != "") {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
			g.ended(t, "upstream_reset")
		})
		t.Run(name+" nobody answers", func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			g := begin(t, llmgateway.Config{Upstream: "http://" + l.Addr().String()}, caller.Config{}, make(t))
			got := ask(t, client(t), http.MethodPost, g.url+"/v1/messages", asking(true, "hello"))
			if got.status != 502 || !strings.Contains(string(got.body), `"api_error"`) {
				t.Errorf("%d %s", got.status, got.body)
			}
			g.ended(t, "upstream_unreachable")
		})
	}
}

func chanOf() chan struct{} { return make(chan struct{}) }

// TestAsksAgain: a kept connection that the upstream has closed meanwhile is no reason to fail; a request that may have been
// answered is not sent twice.
func TestAsksAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	conns := make(chan net.Conn, 8)
	up := http.Server{ReadHeaderTimeout: time.Minute, ConnState: func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns <- c
		}
	}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked.Add(1)
		fmt.Fprintf(w, `{"bytes":%d}`, len(b))
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = up.Serve(l) }()
	t.Cleanup(func() { up.Close() })
	g := begin(t, llmgateway.Config{Upstream: "http://" + l.Addr().String()}, caller.Config{})
	c, body := client(t), asking(false, strings.Repeat("x", 200_000))
	for i := range 20 {
		got := ask(t, c, http.MethodPost, g.url+"/v1/messages", body)
		if got.status != 200 || string(got.body) != fmt.Sprintf(`{"bytes":%d}`, len(body)) {
			t.Fatalf("%d: %d %s", i, got.status, got.body)
		}
		for more := true; more; { // the upstream drops what it kept, and the gateway may not have noticed
			select {
			case conn := <-conns:
				conn.Close()
			default:
				more = false
			}
		}
	}
	if n := asked.Load(); n != 20 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	up := simulated(t, messagesapi.Options{})
	key := [32]byte{1}
	pinned := []llmgateway.Pin{{Name: "team a", Hash: llmgateway.CredentialHash(key, "sk-ant-api03-ours")}}
	g := begin(t, llmgateway.Config{Upstream: up.url, Pins: pinned, Subscriptions: true, AllowedOrgs: []string{"o1", "o2"}}, caller.Config{})
	c := client(t)
	try := func(want int, headers ...string) {
		t.Helper()
		before := len(up.exchanges())
		got := ask(t, c, http.MethodPost, g.url+"/v1/messages", asking(false, "hello"), headers...)
		if passed := len(up.exchanges()) - before; got.status != want || passed != map[int]int{200: 1}[want] {
			t.Errorf("%q: %d, %d passed: %s", headers, got.status, passed, got.body)
		}
	}
	try(451)
	try(200, "X-Api-Key", "sk-ant-api03-ours")
	try(200, "X-Api-Key", "sk-ant-api03-ours", "Authorization", "Bearer sk-ant-api03-ours")
	try(451, "X-Api-Key", "sk-ant-api03-ours", "Authorization", "Bearer sk-ant-api03-other")
	try(200, "X-Api-Key", "sk-ant-api03-ours", "Authorization", "Bearer sk-ant-oat01-login", "Anthropic-Allowed-Org-Ids", "mine")
	last := up.exchanges()[len(up.exchanges())-1]
	if got := last.Header.Values("Anthropic-Allowed-Org-Ids"); len(got) != 1 || got[0] != "o1,o2" {
		t.Errorf("organisations: %q", got)
	}
	if log := g.log.String(); strings.Contains(log, "sk-ant") {
		t.Errorf("a credential stands in the log: %s", log)
	}

	reads := 0
	ours := llmgateway.Supply{Name: "ours", Paths: []string{"/v1/messages"}, Value: func(context.Context) (secret.String, error) {
		reads++
		return secret.New("sk-ant-supplied"), nil
	}}
	g = begin(t, llmgateway.Config{Upstream: up.url, Pins: pinned, Supply: []llmgateway.Supply{ours}}, caller.Config{})
	try(200, "Authorization", "Bearer anything")
	try(200)
	last = up.exchanges()[len(up.exchanges())-1]
	if got := last.Header.Get("X-Api-Key"); got != "sk-ant-supplied" || last.Header.Get("Authorization") != "" || reads != 1 {
		t.Errorf("upstream got key %q, authorization %q, after %d readings", got, last.Header.Get("Authorization"), reads)
	}
	if got := ask(t, c, http.MethodGet, g.url+"/v1/models", ""); got.status != 451 {
		t.Errorf("another path with the caller's own key: %d", got.status)
	}
}

// TestStreamsAtOnce: what comes is passed on when it comes; while a tool call is held, keep-alives are.
func TestStreamsAtOnce(t *testing.T) {
	t.Parallel()
	next := make(chan string)
	up := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for s := range next {
			_, _ = io.WriteString(w, s)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	g := begin(t, llmgateway.Config{Upstream: up}, caller.Config{}, enforcing(t, rule("tool_call, response", "deny")))
	go func() { next <- "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n" }()
	b := streaming(t, t.Context(), g.url)
	want := func(send, line string) {
		t.Helper()
		next <- send
		for {
			got, err := b.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(got, line) {
				return
			}
			if strings.Contains(got, "input_json") || strings.Contains(got, "tool_use") {
				t.Fatalf("passed before it was whole: %s", got)
			}
		}
	}
	want(": one\n\n", ": one")
	next <- "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{}}}\n\n"
	want(": two\n\n", ": two")
	next <- "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":1}\"}}\n\n"
	want("event: ping\ndata: {\"type\": \"ping\"}\n\n", "event: ping")
	next <- "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	close(next)
	rest, err := io.ReadAll(b)
	if err != nil || strings.Count(string(rest), "event: content_block") != 3 {
		t.Errorf("%v %s", err, rest)
	}
}

// TestStalledBody: who stops in the middle of a body gives back the room it took; who goes on slowly is waited for, however
// long the answer then takes.
func TestStalledBody(t *testing.T) {
	t.Parallel()
	for name, goesOn := range map[string]bool{"stops": false, "goes on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const stall = 200 * time.Millisecond
			up := serveHandler(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				select { // the deadline is that of the body alone
				case <-time.After(2 * stall):
				case <-r.Context().Done():
				}
				_, _ = io.WriteString(w, "{}")
			}))
			g := begin(t, llmgateway.Config{Upstream: up, MaxStall: stall}, caller.Config{}, enforcing(t, rule("prompt", "deny")))
			conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			body := asking(false, "hello")
			fmt.Fprintf(conn, "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:10])
			if goesOn {
				fmt.Fprint(conn, body[10:])
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if goesOn && !strings.HasPrefix(line, "HTTP/1.1 200") || !goesOn && err == nil {
				t.Errorf("%q %v", line, err)
			}
			g.ended(t, map[bool]string{true: "complete", false: "client_abort"}[goesOn])
		})
	}
}
