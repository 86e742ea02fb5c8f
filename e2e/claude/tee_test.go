//go:build claude

package claude

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
)

// tee stands between the client and serve, speaks both transports of OTLP, passes bytes on untouched and notes every
// export. Without an upstream it answers by itself.
type tee struct {
	upstreamHTTP, upstreamGRPC string

	http *http.Server
	grpc *grpc.Server
	conn *grpc.ClientConn // to upstreamGRPC
	addr struct{ http, grpc string }

	mu      sync.Mutex
	exports []export             // guarded by mu
	decide  func(export) verdict // asked before an export is passed on; guarded by mu, called without it
	passed  func(export)         // called when serve has answered, before the client learns; likewise
}

// verdict is what the tee does with an export.
type verdict int

const (
	pass verdict = iota // pass it on and tell the client what serve answered
	lose                // pass it on and tell the client that the service is unavailable
	drop                // keep it from serve and tell the client that it was refused
)

// madeUpHeader is one that the client is told to send and that means nothing.
const madeUpHeader = "x-made-up"

// newTee starts a tee. The addresses are those of serve's listeners, or empty.
func newTee(t *testing.T, upstreamHTTP, upstreamGRPC string) *tee {
	t.Helper()
	e := &tee{upstreamHTTP: upstreamHTTP, upstreamGRPC: upstreamGRPC}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatalf("listen for the tee: %v", err)
		}
		return l
	}
	var served sync.WaitGroup
	lh, lg := listen(), listen()
	e.addr.http, e.addr.grpc = "http://"+lh.Addr().String(), "http://"+lg.Addr().String()
	e.http = &http.Server{Handler: http.HandlerFunc(e.serveHTTP)}
	if err := e.startGRPC(); err != nil {
		t.Fatalf("start the tee: %v", err)
	}
	served.Go(func() { _ = e.http.Serve(lh) })
	served.Go(func() { _ = e.grpc.Serve(lg) })
	t.Cleanup(func() {
		_ = e.http.Close()
		e.grpc.Stop()
		served.Wait()
		if e.conn != nil {
			_ = e.conn.Close()
		}
	})
	return e
}

var signalOfPath = map[string]string{"/v1/logs": "logs", "/v1/metrics": "metrics", "/v1/traces": "traces"}

// serveHTTP passes one OTLP/HTTP export on.
func (e *tee) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client died in the middle: nothing reached anybody
	}
	transport := "http/protobuf"
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		transport = "http/json"
	}
	x := export{signal: signalOfPath[r.URL.Path], transport: transport, header: r.Header.Get(madeUpHeader)}
	plain, err := gunzip(r.Header.Get("Content-Encoding"), body)
	if err == nil {
		err = x.decode(plain)
	}
	x.err = err
	x.verdict = e.ask(x)
	if x.verdict == drop {
		e.note(x)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	status, header, answer := http.StatusOK, http.Header{"Content-Type": r.Header["Content-Type"]}, []byte(nil)
	if transport == "http/json" {
		answer = []byte("{}")
	}
	if e.upstreamHTTP != "" {
		// Not the request's context: an export that came whole is passed on even if the client is gone by then.
		status, header, answer, err = forward(context.WithoutCancel(r.Context()), e.upstreamHTTP, r, body)
		if err != nil {
			x.err = errors.Join(x.err, err)
			status = http.StatusBadGateway
		}
	}
	x.status = fmt.Sprint(status)
	x.acknowledged = status == http.StatusOK
	e.note(x)
	if x.verdict == lose {
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	w.WriteHeader(status)
	_, _ = w.Write(answer)
}

func forward(ctx context.Context, upstream string, r *http.Request, body []byte) (int, http.Header, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, upstream+r.URL.Path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("pass on %s: %w", r.URL.Path, err)
	}
	req.Header = r.Header.Clone()
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("pass on %s: %w", r.URL.Path, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the answer to %s: %w", r.URL.Path, err)
	}
	return resp.StatusCode, resp.Header, answer, nil
}

func gunzip(encoding string, body []byte) ([]byte, error) {
	if encoding != "gzip" {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("gunzip an export: %w", err)
	}
	return io.ReadAll(z)
}

// ask decides about an export.
func (e *tee) ask(x export) verdict {
	e.mu.Lock()
	decide := e.decide
	e.mu.Unlock()
	if decide == nil {
		return pass
	}
	return decide(x)
}

// note keeps an export.
func (e *tee) note(x export) {
	e.mu.Lock()
	e.exports = append(e.exports, x)
	passed := e.passed
	e.mu.Unlock()
	if passed != nil {
		passed(x)
	}
}

// hook sets what decides about and what is told of later exports; nil is neither.
func (e *tee) hook(decide func(export) verdict, passed func(export)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.decide, e.passed = decide, passed
}

// of returns the exports so far that name the session.
func (e *tee) of(session string) []export {
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []export
	for _, x := range e.exports {
		if x.sessions[session] {
			list = append(list, x)
		}
	}
	return list
}

// all returns every export so far.
func (e *tee) all() []export {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]export(nil), e.exports...)
}
