package llmgateway

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
)

// newTransport makes connections to the upstream. It neither asks for compression nor undoes it, follows no redirect, and
// keeps connections for the next request.
func newTransport(cfg Config) (*http.Transport, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.UpstreamCAFile != "" {
		pem, err := os.ReadFile(cfg.UpstreamCAFile)
		if err != nil {
			return nil, fmt.Errorf("load gateway.upstream_ca: %w", err)
		}
		if conf.RootCAs, err = x509.SystemCertPool(); err != nil {
			conf.RootCAs = x509.NewCertPool()
		}
		if !conf.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("load gateway.upstream_ca %s: it holds no PEM certificate", cfg.UpstreamCAFile)
		}
	}
	dialer := &net.Dialer{Timeout: 15 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: conf, TLSHandshakeTimeout: 15 * time.Second,
		ForceAttemptHTTP2: true, DisableCompression: true, MaxIdleConns: 256, MaxIdleConnsPerHost: 128, IdleConnTimeout: 90 * time.Second,
		ReadBufferSize: 32 << 10, WriteBufferSize: 32 << 10,
	}, nil
}

// rewrite makes the request that goes upstream: everything as it was sent, but for what is between two connections only,
// our own header, and the credential where we supply it.
func (g *Gateway) rewrite(pr *httputil.ProxyRequest) {
	pr.SetURL(g.upstream)
	in, out := pr.In, pr.Out
	out.URL.RawQuery = in.URL.RawQuery // as sent, what cannot be parsed included
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v, ok := in.Header[name]; ok {
			out.Header[name] = v
		}
	}
	out.Header.Del(caller.Header)
	if g.credentials.orgs != "" {
		out.Header.Set(headerOrgs, g.credentials.orgs)
	}
	x, ok := in.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return
	}
	if x.enforce { // a connection that turns into another kind is one that no rule reads
		out.Header.Del("Upgrade")
		out.Header.Del("Connection")
	}
	if x.supply != nil {
		x.supply.put(out.Header, x.supplied)
	}
	x.send(out)
}

// modifyResponse takes the head of an answer.
func modifyResponse(res *http.Response) error {
	if x, ok := res.Request.Context().Value(exchangeKey{}).(*exchange); ok {
		return x.answered(res)
	}
	return nil
}

// unreached answers where the upstream did not, or where its answer is not passed on.
func unreached(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if out := (*saying)(nil); errors.As(err, &out) {
		if !out.broke || x.ended == endComplete {
			x.ended = endRefused // it was there, and is not passed on
		}
		x.say(w, out)
		return
	}
	if r.Context().Err() != nil {
		x.end(endOf(r.Context()), nil)
		x.cutOff(w)
		return
	}
	x.end(endUnreachable, err)
	x.g.log.WarnContext(r.Context(), "the upstream did not answer", "upstream", x.g.upstream.Host, "error", err)
	x.answer(w, refusal{status: http.StatusBadGateway, kind: "api_error", text: fmt.Sprintf("the gateway could not reach %s", x.g.upstream.Host)})
}

// cutOff ends an exchange that has no answer. A handler that just returned would have answered 200 with nothing in it, which a
// client that is still there would take for the model's word.
func (x *exchange) cutOff(w http.ResponseWriter) {
	if x.ended != endStopped {
		panic(http.ErrAbortHandler)
	}
	x.answer(w, stopping())
}

// stopping tells a client to come again, when Tripod is back.
func stopping() refusal {
	return refusal{status: http.StatusServiceUnavailable, kind: "overloaded_error", text: "the gateway is stopping"}
}

// refuse answers in place of the upstream.
func (x *exchange) refuse(w http.ResponseWriter, out refusal) {
	x.end(endRefused, nil)
	x.answer(w, out)
}

// answer writes an answer of our own.
func (x *exchange) answer(w http.ResponseWriter, out refusal) {
	x.status = out.status
	if x.client.unread() {
		w.Header().Set("Connection", "close")
	}
	out.write(w, newRequestID())
}

// buffers are what answers are copied through.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{pool: sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}
}

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte { return *b.pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
