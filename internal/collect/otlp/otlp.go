// Package otlp is the way in for OpenTelemetry: what Claude Code, Cowork, the Claude Desktop app and the Claude API export
// as logs, metrics and traces, over gRPC and HTTP, as protobuf and JSON.
//
// It promises: an export is acknowledged only after every record and every piece of content in it is durable. Until then
// the answer is 503 with Retry-After (gRPC: UNAVAILABLE with RetryInfo), on which clients keep the batch and try again; a
// client that goes away after it has sent everything is served all the same. An export is taken whole or not at all, in
// its own order; exports that arrive at once are ordered by the journal. One odd value never costs a batch: clients drop
// what is answered with 400, so only a body that is no OTLP at all gets that. What exceeds a bound is refused (413) or
// cut and flagged, and memory in flight is bounded. Nothing that was sent appears in logs, errors, metrics or health.
//
// A Receiver is safe for concurrent use; Run is called once and waits for everything it started. The package below,
// wire, reads the protocol; normalise makes records of it.
package otlp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Door takes deliveries in; intake.Door is one. A nil error means that everything is durable.
type Door interface {
	Submit(ctx context.Context, d intake.Delivery) (intake.Receipt, error)
}

// Deps are what a Receiver works with. Registerer and Health may be nil.
type Deps struct {
	Door       Door
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
}

// Receiver listens for exports.
type Receiver struct {
	cfg      Config
	door     Door
	log      *slog.Logger
	health   *health.Registry
	stats    *stats
	norm     *normalise.Normaliser
	bodies   bodies
	flight   *semaphore.Weighted // bytes of bodies being worked on
	patience time.Duration       // how long a request waits for room among them
	guard    *credential.Guard
	bound    chan struct{} // closed once both listeners are bound, or cannot be
	addrs    [2]string     // http, grpc; written before bound is closed
	bindErr  error         // likewise
	once     sync.Once     // closes bound

	denials credential.Denials
}

// New makes a receiver. It refuses a configuration that would listen beyond this machine without TLS and credentials.
func New(cfg Config, deps Deps) (*Receiver, error) {
	cfg = cfg.withDefaults()
	guard, err := cfg.guard()
	if err != nil {
		return nil, err
	}
	r := &Receiver{
		cfg: cfg, door: deps.Door, log: deps.Logger, health: deps.Health, norm: normalise.New(cfg.MaxValue),
		flight: semaphore.NewWeighted(cfg.MaxInFlight), patience: flightTime, bound: make(chan struct{}), guard: guard,
		denials: credential.Denials{
			Code: "otlp.denied", What: "deliveries", Advice: "clients drop what is refused: compare the tokens of clients and configuration", Logger: deps.Logger, Health: deps.Health,
		},
	}
	if r.stats, err = newStats(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of otlp: %w", err)
	}
	return r, nil
}

// stopTime is how long exports under way may take to end once the receiver is told to stop.
const stopTime = 10 * time.Second

// Run binds both listeners and serves until the context ends; then it takes nothing new in, and lets what is under way
// end. When one listener cannot be bound or fails, the other is closed too.
func (r *Receiver) Run(ctx context.Context) error {
	defer r.once.Do(func() { close(r.bound) })
	listeners, err := r.listen(ctx)
	r.once.Do(func() {
		r.bindErr = err
		close(r.bound)
	})
	if err != nil {
		return err
	}
	// Exports outlive the context they came in under by at most stopTime, so that they can be answered.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	g, gctx := errgroup.WithContext(ctx)
	if l := listeners[0]; l != nil {
		g.Go(func() error { return r.serveHTTP(gctx, work, l) })
	}
	if l := listeners[1]; l != nil {
		g.Go(func() error { return r.serveGRPC(gctx, l) })
	}
	g.Go(func() error { return r.denials.Run(gctx) })
	g.Go(func() error { // with both listeners off there is nothing but the context to wait for
		<-gctx.Done()
		return nil
	})
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (r *Receiver) listen(ctx context.Context) (l [2]net.Listener, err error) {
	var lc net.ListenConfig
	for i, addr := range [2]string{r.cfg.HTTPAddr, r.cfg.GRPCAddr} {
		if addr == "" {
			continue
		}
		if l[i], err = lc.Listen(ctx, "tcp", addr); err != nil {
			for _, other := range l[:i] {
				if other != nil {
					_ = other.Close() // nothing was accepted on it yet
				}
			}
			return l, fmt.Errorf("listen for otlp %s on %s: %w", [2]string{"http", "grpc"}[i], addr, err)
		}
		r.addrs[i] = l[i].Addr().String()
	}
	return l, nil
}

// Addrs waits until the listeners are bound and tells where; "" is one that is off. It fails with the error of binding,
// or when the context ends first.
func (r *Receiver) Addrs(ctx context.Context) (http, grpc string, err error) {
	select {
	case <-r.bound:
		return r.addrs[0], r.addrs[1], r.bindErr
	case <-ctx.Done():
		return "", "", fmt.Errorf("wait for otlp listeners: %w", ctx.Err())
	}
}
