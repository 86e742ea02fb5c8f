package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	pages "github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway"
	"github.com/tripod-audit/tripod/internal/intake"
)

// console is the listener for people and for operators: pages, metrics, health and readiness.
type console struct {
	listener net.Listener // nil where no address is configured
	server   *http.Server
	pages    *pages.Console

	certificate *certificate // nil: HTTP
	outside     string       // how browsers reach it, where that is not the address of the listener; "" where it is
}

// newConsole binds the listener, so that a taken port is found before anything starts, and makes what signs people in.
func newConsole(ctx context.Context, a *App) (c *console, err error) {
	c = &console{outside: a.cfg.Console.URL}
	if a.cfg.Listen.Console == "" {
		a.signIn, err = newSignIn(ctx, a.truth, a.cfg.Access, "")
		return c, err
	}
	if c.certificate, err = newCertificate(a.cfg.Console.TLS); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", a.cfg.Listen.Console)
	if err != nil {
		return nil, fmt.Errorf("listen for the console: %w: choose another address with --listen-console", err)
	}
	c.listener = ln
	if a.signIn, err = newSignIn(ctx, a.truth, a.cfg.Access, c.url()); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if c.pages, err = pages.New(pages.Config{URL: c.url(), Dir: a.cfg.Data, Version: a.version}, pages.Deps{
		SignIn: a.signIn, Reader: a.reader(), Record: a.record, Desk: a.desk, Lifecycle: a.forPages(), Alerts: a.outbox.Keeper, Health: a.health, Logger: a.log,
		Open: a.operators(), Standing: a.standing, Expiring: a.expiring, Capture: &captureFile{a}, Contents: a.truth.Content.Reader(),
	}); err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	c.server = &http.Server{Handler: c.pages.Handler(), TLSConfig: c.certificate.config(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10}
	return c, nil
}

// operators are what machines ask without signing in. They tell no record.
func (a *App) operators() map[string]http.Handler {
	a.registerMetrics()
	open := map[string]http.Handler{
		"GET /healthz": http.HandlerFunc(a.serveHealth),
		"GET /readyz":  http.HandlerFunc(a.serveReady),
		"GET /metrics": promhttp.HandlerFor(a.metrics, promhttp.HandlerOpts{}),
	}
	if os.Getenv("TRIPOD_DEBUG_PPROF") == "1" {
		open["GET /debug/pprof/"] = http.HandlerFunc(pprof.Index)
		open["GET /debug/pprof/profile"] = http.HandlerFunc(pprof.Profile)
	}
	return open
}

// ConsoleLink makes an address that signs whoever runs this process in to the console, once; "" where there is no console,
// and where they sign in at the identity provider.
func (a *App) ConsoleLink(ctx context.Context) string { return a.linkFor(ctx, osIdentity().OSUser) }

// linkFor is ConsoleLink for a login name.
func (a *App) linkFor(ctx context.Context, login string) string {
	if a.console.pages == nil {
		return ""
	}
	who, err := a.signIn.Local(login)
	if err != nil {
		return ""
	}
	link, err := a.console.pages.Link(ctx, who)
	if err != nil {
		return ""
	}
	return link
}

// record makes one of Tripod's own acts durable.
func (a *App) record(ctx context.Context, act intake.Act) error {
	if a.truth.Refused != nil {
		return a.truth.Refused
	}
	_, err := a.truth.Door.Record(ctx, act, nil)
	return err
}

func (c *console) url() string {
	switch {
	case c.listener == nil:
		return ""
	case c.outside != "":
		return c.outside
	case c.certificate != nil:
		return "https://" + c.listener.Addr().String()
	}
	return "http://" + c.listener.Addr().String()
}

func (c *console) run(ctx context.Context) error {
	if c.listener == nil {
		<-ctx.Done()
		return nil
	}
	return serveHTTP(ctx, c.server, c.listener, 5*time.Second)
}

// closeListener gives an address back where nothing served on it to the end.
func closeListener(ln net.Listener) error {
	if ln == nil {
		return nil
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// serveHTTP serves until the context ends and lets requests under way finish within a grace; those that have not are cut
// off, with llmgateway.ErrStopped as the cause. No handler runs any more when it returns.
func serveHTTP(ctx context.Context, s *http.Server, ln net.Listener, grace time.Duration) error {
	work, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	var handlers sync.WaitGroup
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		next.ServeHTTP(w, r)
	})
	s.BaseContext = func(net.Listener) context.Context { return work }
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(work, grace)
		defer cancel()
		err := s.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			cut(llmgateway.ErrStopped)
			err = s.Close()
		}
		stopped <- err
	}()
	serve := func() error { return s.Serve(ln) }
	if s.TLSConfig != nil {
		serve = func() error { return s.ServeTLS(ln, "", "") }
	}
	if err := serve(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	err := <-stopped
	handlers.Wait()
	return err
}

// serveHealth tells what is wrong. It answers 200 all the same: the process lives and can be asked.
func (a *App) serveHealth(w http.ResponseWriter, r *http.Request) {
	status, err := a.status(r.Context())
	if err != nil {
		http.Error(w, "status cannot be read; see the log", http.StatusInternalServerError)
		a.log.ErrorContext(r.Context(), "read status", "error", err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(status)
}

// serveReady answers 200 once listeners are bound and the journal is writable.
func (a *App) serveReady(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-a.ready:
	default:
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	}
	for _, c := range a.health.Conditions() {
		switch c.Code {
		case "journal.full", "journal.write", "content.full", "content.failing", "ledger.refused":
			http.Error(w, c.Text, http.StatusServiceUnavailable)
			return
		}
	}
	fmt.Fprintln(w, "ready")
}

// registerMetrics exposes where everything stands. Names: tripod_journal_last_seq, tripod_ledger_size,
// tripod_view_position{view}, tripod_health_condition{code,severity}; the receiver adds tripod_otlp_….
func (a *App) registerMetrics() {
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), (*gauges)(a))
}

// gauges is the App as a source of metrics.
type gauges App

var (
	descJournal   = prometheus.NewDesc("tripod_journal_last_seq", "Position of the last record in the journal.", nil, nil)
	descLedger    = prometheus.NewDesc("tripod_ledger_size", "Records under the last signed checkpoint.", nil, nil)
	descView      = prometheus.NewDesc("tripod_view_position", "Position of the last record a view has taken in.", []string{"view"}, nil)
	descCondition = prometheus.NewDesc("tripod_health_condition", "1 for each condition that is raised.", []string{"code", "severity"}, nil)
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descJournal, descLedger, descView, descCondition} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(ch chan<- prometheus.Metric) {
	status, err := (*App)(g).status(context.Background())
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descJournal, err)
		return
	}
	gauge := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	gauge(descJournal, status.JournalLast)
	gauge(descLedger, status.LedgerSize)
	for name, at := range status.Views {
		gauge(descView, at, name)
	}
	for _, c := range status.Conditions {
		gauge(descCondition, 1, c.Code, string(c.Severity))
	}
}
