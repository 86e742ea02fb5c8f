// Package llmgateway is the way in that stands between clients and the Messages API: a reverse proxy that nobody notices
// until a rule says otherwise (https://code.claude.com/docs/en/llm-gateway-protocol).
//
// It promises: bodies pass byte for byte and headers as sent, but for what is between two connections only, the gateway's
// own header, and credentials that the configuration supplies; errors of the upstream pass unmodified; a stream is passed on
// as it comes, pings and comments included. Every request ends in one way that is counted. A request is sent again to the
// upstream only where a kept connection turned out to be closed before the first byte of an answer.
//
// Credentials appear in no log, error, metric or record; the first characters of their keyed hash name them. Memory is
// bounded whatever is sent. A Gateway is safe for concurrent use; Run is called once, and waits for all it started.
package llmgateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/policy"
)

// ErrStopped is the cause with which the contexts of requests are cancelled that have not ended in time when Tripod stops.
var ErrStopped = errors.New("tripod is stopping")

// Callers tell who calls; caller.Gate is one. An error is a *caller.Refusal.
type Callers interface {
	Identify(r *http.Request) (credential.Holder, error)
}

// Deps are what a Gateway works with. Registerer and Health may be nil.
type Deps struct {
	Callers    Callers
	Engine     Engine
	Recorder   *recorder.Recorder
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
	Now        func() time.Time // nil: time.Now
}

// Gateway is the proxy as an http.Handler.
type Gateway struct {
	cfg         Config
	upstream    *url.URL
	callers     Callers
	log         *slog.Logger
	health      *health.Registry
	now         func() time.Time
	stats       *stats
	engine      Engine
	recorder    *recorder.Recorder
	credentials *credentials
	transport   *http.Transport
	proxy       *httputil.ReverseProxy
	kept        budget
	memory      *messages.Memory
	clean       *clean
	slots       chan struct{} // of who reads and judges a request behind the traffic

	mu      sync.Mutex
	stopped bool // guarded by mu: nothing new begins
	running running
}

// New makes a gateway. It reaches nobody yet.
func New(cfg Config, deps Deps) (*Gateway, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	upstream, err := parseUpstream(cfg.Upstream)
	if err != nil {
		return nil, err
	}
	g := &Gateway{
		cfg: cfg, upstream: upstream, callers: deps.Callers, engine: deps.Engine, recorder: deps.Recorder, log: deps.Logger, health: deps.Health, now: deps.Now,
		credentials: newCredentials(cfg), memory: messages.NewMemory(cfg.MaxMemory), clean: newClean(),
		slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), // the other half is the traffic's
	}
	if g.now == nil {
		g.now = time.Now
	}
	g.kept.give(cfg.MaxInFlight)
	if g.transport, err = newTransport(cfg); err != nil {
		return nil, err
	}
	if g.stats, err = newStats(deps.Registerer, func() float64 { return float64(cfg.MaxInFlight - g.kept.left.Load()) }); err != nil {
		return nil, fmt.Errorf("register metrics of the llm gateway: %w", err)
	}
	g.proxy = &httputil.ReverseProxy{
		Rewrite: g.rewrite, Transport: again{g.transport}, ModifyResponse: modifyResponse, ErrorHandler: unreached,
		BufferPool: newBuffers(), ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// Forget has credentials of ours read again with the next request: the configuration was reloaded.
func (g *Gateway) Forget() {
	for _, s := range g.credentials.supplies {
		s.forget()
	}
}

// Run waits for the end of the context and then for every exchange and what is read behind it. Whoever serves the gateway
// stops doing so first, with ErrStopped as the cause for requests that do not end in time.
func (g *Gateway) Run(ctx context.Context) error {
	<-ctx.Done()
	g.mu.Lock()
	g.stopped = true
	g.mu.Unlock()
	err := g.running.wait(context.WithoutCancel(ctx))
	g.transport.CloseIdleConnections()
	return err
}

// Settle waits until no exchange is under way and what passed has been noted for the record, for who plays one exchange after
// the other and moves the clock between them.
func (g *Gateway) Settle(ctx context.Context) error { return g.running.wait(ctx) }

// enter reports whether something new may begin; if so, running.done is called at its end.
func (g *Gateway) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return false
	}
	g.running.add()
	return true
}

// Upstream is the host requests go to.
func (g *Gateway) Upstream() string { return g.upstream.Host }

// Reach asks the upstream for a sign of life, without any credential, as clients do at their start. Any answer is one.
func (g *Gateway) Reach(ctx context.Context) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, g.upstream.JoinPath("/api/hello").String(), nil)
	if err != nil {
		return 0, fmt.Errorf("ask the upstream: %w", err)
	}
	res, err := g.transport.RoundTrip(req)
	if err != nil {
		return 0, fmt.Errorf("ask the upstream: %w", err)
	}
	return res.StatusCode, res.Body.Close()
}

// Enforces reports whether rules take effect now: then a request is judged and on record before it goes upstream. Where the
// engine observes, records are written behind the traffic and nothing is held or refused. A reload of the engine changes it.
func (g *Gateway) Enforces() bool { return g.engine.Mode() == policy.Enforce }

// ServeHTTP passes one request on and its answer back.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		stopping().write(w, newRequestID())
		return
	}
	defer g.running.done()
	x := &exchange{g: g, began: g.now(), clock: time.Now(), route: routeOf(r.Method, r.URL.Path), header: r.Header, enforce: g.Enforces()}
	defer x.leave(r.Context())
	if refused := g.admit(x, r); refused != nil {
		if x.rec != nil {
			x.rec.Opaque(refused.why, max(r.ContentLength, 0), [32]byte{})
		}
		x.refuse(w, *refused)
		return
	}
	client, cut := cutShort(w, r)
	x.client = client
	defer cut()
	if x.route.reads(x.enforce) {
		x.body = newBody(r.Body, r.ContentLength, g.cfg.MaxHeld, &g.kept)
		x.headed, x.left = make(chan struct{}), make(chan struct{})
		x.untie = sync.OnceFunc(func() { close(x.headed) })
		ctx := context.WithoutCancel(r.Context()) // what has passed is read to its end, whoever went away
		g.running.start(func() { x.readBehind(ctx) })
		if x.enforce {
			x.deadline = http.NewResponseController(w).SetReadDeadline
			if out := x.judgeFirst(r.Context()); out != nil {
				x.say(w, out)
				return
			}
		}
	} else if x.enforce && carries(r.Method) {
		if out := x.durable(r.Context(), g.engine.Failures()); out != nil {
			x.say(w, out)
			return
		}
	}
	g.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
}

// admit decides by head and connection alone whether a request goes on, before a byte of its body is read.
func (g *Gateway) admit(x *exchange, r *http.Request) *refusal {
	if r.Method == http.MethodConnect || r.URL.Host != "" {
		return &refusal{status: http.StatusMisdirectedRequest, kind: "invalid_request_error", noRetry: true,
			text: "this is a gateway for the Messages API, not a proxy: set it as ANTHROPIC_BASE_URL"}
	}
	who, err := g.callers.Identify(r)
	if err != nil {
		out := &refusal{status: http.StatusUnauthorized, kind: "authentication_error", text: err.Error(), noRetry: true}
		var refused *caller.Refusal
		if errors.As(err, &refused) && refused.Status == http.StatusForbidden {
			out.status, out.kind = http.StatusForbidden, "permission_error"
		}
		return out
	}
	x.who = who
	defer x.open(r)
	if x.supply = g.credentials.supplied(plainPath(r.URL.Path)); x.supply == nil {
		x.credential = g.credentials.name(r.Header)
		if name := g.credentials.foreign(r.Header); name != "" {
			return &refusal{status: statusPolicy, kind: "permission_error", noRetry: true, why: "foreign_credential",
				text: "This API key is not one of your organisation's, and this network lets no other through. Use the key you were given, or ask your administrator to enrol this one."}
		}
		return nil
	}
	x.credential = x.supply.Name
	if x.supplied, err = x.supply.get(r.Context()); err != nil {
		g.log.ErrorContext(r.Context(), "no credential for the upstream", "error", err)
		return &refusal{status: http.StatusServiceUnavailable, kind: "api_error", why: "no_credential", text: "the gateway has no credential for the upstream at the moment; its administrator finds the reason in its log"}
	}
	return nil
}
