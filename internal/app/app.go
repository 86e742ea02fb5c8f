// Package app is the composition root: the one place where Tripod's parts meet.
//
// Start order: truth (journal, content, ledger), views, erasures under way, control socket, console, ways in. Stop order:
// ways in, console and socket, journal and content drained, views caught up, last checkpoint signed, everything closed.
// What was acknowledged before the stop is durable. An App is used by one goroutine; Addrs, Ready and Reload may be called
// concurrently.
package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/detect"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/lifecycle/countdown"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/reviews"
)

// Options configures an App.
type Options struct {
	Config  config.Config
	Version string
	Logger  *slog.Logger
	Level   *slog.LevelVar     // of Logger; nil where it cannot change
	Tokens  []credential.Token // beside those that Config refers to; a reload drops them
	Callers []credential.Token // of the gateway, likewise
	// Complete puts what flags and environment say over what a configuration file does, and validates the whole: for a file
	// that is to be written. Nil: the file is all there is.
	Complete func(config.Config) (config.Config, error)
	// Now is the clock the gateway's records go by; nil is the machine's.
	Now func() time.Time
}

// App is `tripod serve`.
type App struct {
	cfg        config.Config
	version    string
	log        *slog.Logger
	level      *slog.LevelVar
	health     *health.Registry
	metrics    *prometheus.Registry
	truth      *Truth
	views      []*view
	policy     *policy.Engine
	receiver   *otlp.Receiver
	gateway    *gateway
	compliance *compliance     // nil where no key is configured
	forwarding *forwarding     // nil where no sink is configured
	backups    *backup.Service // nil where no repository is configured
	rules      ruleTexts
	outbox     *alert.Outbox
	desk       *casebook.Desk
	vanishing  *countdown.Watcher
	signIn     *signin.Service
	console    *console
	control    *control
	ready      chan struct{}

	found     atomic.Pointer[detect.Options] // rules of detections in force
	inForce   atomic.Pointer[config.Config]  // cfg with what reloads took over
	reloading sync.Mutex                     // held by each reload, and while the configuration file is written
	complete  func(config.Config) (config.Config, error)

	extraTokens int // how many the options brought
}

// Addrs are the bound addresses, as DIR/serve.json holds them for other processes.
type Addrs struct {
	PID      int    `json:"pid"`
	Console  string `json:"console,omitempty"`   // base URL
	OTLPHTTP string `json:"otlp_http,omitempty"` // base URL
	OTLPGRPC string `json:"otlp_grpc,omitempty"` // host:port
	// OTLPToken says that the listeners ask for a bearer token.
	OTLPToken bool `json:"otlp_token,omitempty"`
	// Gateway is the base URL of the LLM gateway.
	Gateway string `json:"gateway,omitempty"`
	// GatewayToken says that it asks for a token.
	GatewayToken bool `json:"gateway_token,omitempty"`
}

// New opens the data directory and binds nothing yet.
func New(ctx context.Context, o Options) (*App, error) {
	if err := o.Config.Validate(); err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	a := &App{
		cfg: o.Config, version: o.Version, log: o.Logger, level: o.Level, health: &health.Registry{Notify: raised(o.Logger)}, metrics: prometheus.NewRegistry(), ready: make(chan struct{}),
		complete: o.Complete,
	}
	inForce := o.Config
	a.inForce.Store(&inForce)
	if err := a.open(ctx, o); err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

// raised logs each condition when it is first raised, for who reads the log and nothing else.
func raised(log *slog.Logger) func(health.Condition) {
	return func(c health.Condition) {
		log.Error("condition raised", "code", c.Code, "severity", string(c.Severity), "text", c.Text)
	}
}

func (a *App) open(ctx context.Context, o Options) error {
	var err error
	a.truth, err = OpenTruth(ctx, TruthOptions{
		Dir: a.cfg.Data, Capture: a.cfg.Capture, Retention: &a.cfg.Retention, CheckpointInterval: a.cfg.CheckpointInterval, Health: a.health, Logger: a.log, Serve: true,
	})
	if err != nil {
		return err
	}
	found, err := detections(a.cfg.Detect, a.health, a.log)
	if err != nil {
		return err
	}
	a.rules.use(found.Rules)
	a.found.Store(&found)
	a.views = newViews(ctx, a.cfg.Data, *a.truth.stateKey, a.found.Load, a.truth.Journal, a.health, a.log)
	a.truth.views, a.truth.known = a.views, a.knownAs
	if a.policy, err = policy.New(a.cfg.Policy, policy.Deps{Logger: a.log, Registerer: a.metrics}); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	tokens, err := readTokens("otlp", a.cfg.OTLP.Tokens)
	if err != nil {
		return err
	}
	tokens, a.extraTokens = append(tokens, o.Tokens...), len(o.Tokens)
	a.receiver, err = otlp.New(otlp.Config{
		HTTPAddr: a.cfg.Listen.OTLPHTTP, GRPCAddr: a.cfg.Listen.OTLPGRPC, Tokens: tokens,
		CertFile: a.cfg.OTLP.TLS.Cert, KeyFile: a.cfg.OTLP.TLS.Key, ClientCAFile: a.cfg.OTLP.TLS.ClientCA,
	}, otlp.Deps{Door: a.truth.Door, Logger: a.log, Registerer: a.metrics, Health: a.health})
	if err != nil {
		return err
	}
	if a.gateway, err = newGateway(a, o); err != nil {
		return err
	}
	if a.compliance, err = newCompliance(a); err != nil {
		return err
	}
	a.desk = a.truth.newDesk(a.cfg.Cases, a.reader(), a.log)
	a.vanishing = countdown.NewWatcher(countdown.Deps{Reader: a.reader(), Content: a.truth.Content.Reader()}, a.cfg.Retention.Warning(), a.health, a.log)
	if a.forwarding, err = newForwarding(ctx, a); err != nil {
		return err
	}
	if a.backups, err = newBackups(a); err != nil {
		return err
	}
	if a.outbox, err = newAlerts(ctx, a); err != nil {
		return err
	}
	if a.console, err = newConsole(ctx, a); err != nil {
		return err
	}
	a.control, err = newControl(a)
	return err
}

// Ready is closed once everything is bound.
func (a *App) Ready() <-chan struct{} { return a.ready }

// Run serves until the context ends or a component fails, then stops in order.
func (a *App) Run(ctx context.Context) error {
	var stages []*stage
	start := func(name string, run func(context.Context) error) {
		stages = append(stages, startStage(ctx, name, run))
	}
	for _, v := range a.views {
		start("view "+v.name, v.run)
	}
	a.truth.serveErasures(ctx)
	start("sign-in", a.signIn.Run)
	start("control socket", a.control.run)
	start("console", a.console.run)
	start("otlp", a.receiver.Run)
	if a.truth.Refused == nil {
		start("weekly digest", (&reviews.Digester{Reader: a.reader(), Door: a.truth.Door, Health: a.health, Logger: a.log}).Run)
	}
	a.gateway.start(start)
	err := a.announce(ctx)
	if err == nil {
		err = a.truth.serveLifecycle(ctx)
	}
	if err == nil {
		if a.truth.Refused == nil {
			start("cases", a.desk.Run)
			start("alerts", a.outbox.Run)
		}
		if a.compliance != nil {
			a.compliance.start(start) // its first act comes after the start is on record
		}
		a.forwarding.start(start)
		start("countdowns", a.vanishing.Run)
		if a.backups != nil {
			start("backup", a.backups.Run)
		}
		close(a.ready)
		err = wait(ctx, append(stages, a.truth.stages...))
	}
	return errors.Join(err, a.stop(context.WithoutCancel(ctx), stages))
}

// wait returns when the context ends, or with the error of the first stage that ends by itself.
func wait(ctx context.Context, stages []*stage) error {
	ended := make(chan *stage, len(stages))
	for _, s := range stages {
		go func() { // ends with its stage, which stop waits for
			<-s.done
			ended <- s
		}()
	}
	select {
	case <-ctx.Done():
		return nil
	case s := <-ended:
		if s.err == nil {
			return fmt.Errorf("%s ended by itself", s.name)
		}
		return s.err
	}
}

// stop ends everything in the order of the package comment. Views come first in stages and are kept for last.
func (a *App) stop(ctx context.Context, stages []*stage) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	var errs []error
	for i := len(stages) - 1; i >= len(a.views); i-- {
		errs = append(errs, stages[i].stop())
	}
	a.tryAct(ctx, "tripod.serve.stop", nil)
	errs = append(errs, a.truth.Drain(ctx))
	a.catchUp(ctx)
	for _, s := range stages[:len(a.views)] {
		errs = append(errs, s.stop())
	}
	return errors.Join(append(errs, a.close(ctx), removeFile(a.addrsPath()))...)
}

// catchUp lets the views take in what is left, so that a reader finds everything after an orderly stop. What they do not
// get to, they take in after the next start.
func (a *App) catchUp(ctx context.Context) {
	last, err := a.truth.Journal.Reader().Last(ctx)
	if err != nil {
		a.log.WarnContext(ctx, "views may be behind", "error", err)
		return
	}
	for _, v := range a.views {
		if v.opened() == nil {
			continue
		}
		if err := v.wait(ctx, last); err != nil {
			a.log.WarnContext(ctx, "a view is behind and goes on from there at the next start", "view", v.name, "error", err)
		}
	}
}

func (a *App) close(ctx context.Context) error {
	var errs []error
	if a.console != nil {
		errs = append(errs, closeListener(a.console.listener))
	}
	if a.control != nil {
		errs = append(errs, closeListener(a.control.listener))
	}
	errs = append(errs, a.gateway.close(), a.forwarding.close())
	if a.signIn != nil {
		errs = append(errs, a.signIn.Close())
	}
	if a.outbox != nil {
		errs = append(errs, a.outbox.Close())
	}
	for _, v := range a.views {
		errs = append(errs, v.close())
	}
	if a.truth != nil {
		errs = append(errs, a.truth.Close(ctx))
	}
	return errors.Join(errs...)
}

// act records one of Tripod's own acts.
func (a *App) act(ctx context.Context, typ string, attrs audit.Attrs) error {
	if a.truth.Refused != nil {
		return nil
	}
	_, err := a.truth.Door.Record(ctx, intake.Act{Type: typ, Activity: audit.ActivityOperation, Account: osIdentity(), Attributes: attrs}, nil)
	if err != nil {
		return fmt.Errorf("record %s: %w", typ, err)
	}
	return nil
}

// tryAct is act where a journal that refuses to write is a matter of health, not a reason to end.
func (a *App) tryAct(ctx context.Context, typ string, attrs audit.Attrs) {
	if err := a.act(ctx, typ, attrs); err != nil {
		a.impaired(ctx, "serve.unrecorded", typ+" is not on record", err)
	}
}

// impaired says what this process goes on without, until it ends.
func (a *App) impaired(ctx context.Context, code, what string, err error) {
	a.health.Raise(code, health.Warning, what+": "+err.Error())
	a.log.WarnContext(ctx, what, "error", err)
}

// announce waits for the listeners, writes serve.json and records the start.
func (a *App) announce(ctx context.Context) error {
	http, grpc, err := a.receiver.Addrs(ctx)
	if err != nil {
		return err
	}
	addrs := Addrs{PID: os.Getpid(), Console: a.console.url(), OTLPGRPC: grpc, OTLPToken: len(a.cfg.OTLP.Tokens)+a.extraTokens > 0, Gateway: a.gateway.url(), GatewayToken: a.gateway.tokens > 0}
	if http != "" {
		addrs.OTLPHTTP = a.scheme() + http
	}
	b, err := json.Marshal(addrs)
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.addrsPath(), append(b, '\n'), 0o600); err != nil {
		a.impaired(ctx, "serve.addresses", "commands cannot find this process: its addresses are not written", errors.Join(err, removeFile(a.addrsPath())))
	}
	if err := a.recordCapture(ctx, osIdentity()); err != nil {
		a.impaired(ctx, "serve.unrecorded", "a change of the capture policy is not on record", err)
	}
	digest, err := a.cfg.Digest()
	if err != nil {
		return err
	}
	listeners := strings.TrimSpace(strings.Join([]string{addrs.Console, addrs.OTLPHTTP, addrs.OTLPGRPC, addrs.Gateway}, " "))
	a.log.InfoContext(ctx, "serving", "data", a.cfg.Data, "console", addrs.Console, "otlp_http", addrs.OTLPHTTP, "otlp_grpc", addrs.OTLPGRPC, "gateway", addrs.Gateway, "policy", string(a.policy.Mode()))
	a.tryAct(ctx, "tripod.serve.start", audit.Attrs{
		{Name: "version", Value: audit.String(a.version)}, {Name: "config_digest", Value: audit.String(digest)},
		{Name: "listeners", Value: audit.String(listeners)}, {Name: "rule_set", Value: audit.String(a.policy.Version())},
		{Name: "mode", Value: audit.String(string(a.policy.Mode()))},
	})
	return nil
}

func (a *App) scheme() string {
	if a.cfg.OTLP.TLS.Cert != "" {
		return "https://"
	}
	return "http://"
}

func (a *App) addrsPath() string { return filepath.Join(a.cfg.Data, "serve.json") }

// ReadAddrs reads where a running serve listens.
func ReadAddrs(dir string) (Addrs, error) {
	var addrs Addrs
	b, err := os.ReadFile(filepath.Join(dir, "serve.json"))
	if err != nil {
		return addrs, fmt.Errorf("no serve runs on %s: %w", dir, err)
	}
	if err := json.Unmarshal(b, &addrs); err != nil {
		return addrs, fmt.Errorf("read %s/serve.json: %w", dir, err)
	}
	return addrs, nil
}

func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
