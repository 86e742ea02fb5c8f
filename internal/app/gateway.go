package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// gateway is the listener of what stands between clients and what they reach: the LLM gateway.
type gateway struct {
	listener net.Listener // nil where no address is configured
	server   *http.Server
	tokens   int // it asks for one where there are any

	asksCertificate bool

	gate     *caller.Gate
	recorder *recorder.Recorder
	llm      *llmgateway.Gateway
}

// Times of the gateway's listener. Bodies and answers may take as long as they take: a model may think for minutes.
const (
	gatewayHeaderTime = 10 * time.Second
	gatewayIdleTime   = 5 * time.Minute // longer than clients keep a connection, so that it is they who close it
	gatewayStopTime   = 10 * time.Second
)

// newGateway binds the listener, so that a taken port is found before anything starts.
func newGateway(a *App, o Options) (*gateway, error) {
	cfg := a.cfg.Gateway
	if a.cfg.Listen.Gateway == "" {
		return &gateway{}, nil
	}
	list, err := readTokens("gateway", cfg.Tokens)
	if err != nil {
		return nil, err
	}
	list = append(list, o.Callers...)
	g := &gateway{tokens: len(list), asksCertificate: cfg.TLS.ClientCA != ""}
	if g.gate, err = caller.New(caller.Config{
		Addr: a.cfg.Listen.Gateway, CertFile: cfg.TLS.Cert, KeyFile: cfg.TLS.Key, ClientCAFile: cfg.TLS.ClientCA, Tokens: list, Hosts: cfg.Hosts,
	}, caller.Deps{Logger: a.log, Health: a.health}); err != nil {
		return nil, err
	}
	if g.recorder, err = recorder.New(cfg.Record, recorder.Deps{
		Door: a.truth.Door, Cursors: a.truth.Journal, Logger: a.log, Registerer: a.metrics, Health: a.health, Now: o.Now, Key: a.truth.gatewayKey[:],
	}); err != nil {
		return nil, err
	}
	if g.llm, err = llmgateway.New(llmConfig(cfg, a.truth.gatewayKey), llmgateway.Deps{
		Callers: g.gate, Engine: a.policy, Recorder: g.recorder, Now: o.Now, Logger: a.log, Registerer: a.metrics, Health: a.health,
	}); err != nil {
		return nil, err
	}
	if g.listener, err = net.Listen("tcp", a.cfg.Listen.Gateway); err != nil {
		return nil, fmt.Errorf("listen for the gateway: %w: choose another address with --listen-gateway, or '' for none", err)
	}
	g.server = &http.Server{
		Handler: g.llm, TLSConfig: g.gate.TLS(), ReadHeaderTimeout: gatewayHeaderTime, IdleTimeout: gatewayIdleTime, MaxHeaderBytes: 256 << 10,
		ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	return g, nil
}

// llmConfig is the configuration of the LLM gateway.
func llmConfig(cfg config.Gateway, key *[32]byte) llmgateway.Config {
	c := llmgateway.Config{
		Upstream: cfg.Upstream, UpstreamCAFile: cfg.UpstreamCA, Redact: cfg.Redact, MaxHeld: cfg.MaxHeld,
		Subscriptions: cfg.Credentials.Subscriptions, AllowedOrgs: cfg.Credentials.AllowedOrgs, Key: key,
	}
	for _, s := range cfg.Credentials.Supply {
		c.Supply = append(c.Supply, llmgateway.Supply{
			Name: s.Name, Paths: s.Paths, Header: s.Header, Value: complianceKey(config.KeySource{Env: s.Env, File: s.File, Command: s.Command}),
		})
	}
	for _, p := range cfg.Credentials.Pinned {
		c.Pins = append(c.Pins, llmgateway.Pin{Name: p.Name, Org: p.Org, Hash: p.Hash})
	}
	return c
}

// start begins what serves; what is told to stop last is started first.
func (g *gateway) start(start func(name string, run func(context.Context) error)) {
	if g.listener == nil {
		return
	}
	start("gateway recorder", g.recorder.Run)
	start("gateway callers", g.gate.Run)
	start("llm gateway", g.llm.Run)
	start("gateway", func(ctx context.Context) error { return serveHTTP(ctx, g.server, g.listener, gatewayStopTime) })
}

// reload takes new tokens, and reads certificates and supplied credentials again.
func (g *gateway) reload(list []credential.Token) error {
	if g.gate == nil {
		return nil
	}
	if err := g.gate.Reload(list); err != nil {
		return err
	}
	g.llm.Forget()
	return nil
}

// Settle waits until no exchange of the LLM gateway is under way and what passed was noted, for tests and demonstrations that
// play the past.
func (a *App) Settle(ctx context.Context) error {
	if a.gateway.llm == nil {
		return nil
	}
	return a.gateway.llm.Settle(ctx)
}

// url is the value of ANTHROPIC_BASE_URL; "" where nothing listens.
func (g *gateway) url() string {
	switch {
	case g.listener == nil:
		return ""
	case g.gate.TLS() != nil: // the server makes itself a configuration where it has none
		return "https://" + g.listener.Addr().String()
	}
	return "http://" + g.listener.Addr().String()
}

func (g *gateway) close() error {
	if g == nil {
		return nil
	}
	return closeListener(g.listener)
}

// PinOf is the keyed hash by which the gateway of a data directory knows a credential.
func PinOf(dir, credential string) (string, error) {
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if err != nil {
		return "", fmt.Errorf("the hash is keyed with the master key of %s: %w: it is made at the first start of tripod serve", dir, err)
	}
	return llmgateway.CredentialHash(keys.GatewayKey(), credential), nil
}
