// Package fleet is the clients of the simulated enterprise: it tells the acts of its world as Claude Code and Cowork tell
// what happens in them, over OTLP, with the attributes, kinds, order, scopes and oddities of each client's version
// (https://code.claude.com/docs/en/monitoring-usage, https://claude.com/docs/cowork/monitoring).
//
// It promises nothing about durability, as the clients do not: an export that the receiver refuses, or does not take in time,
// is dropped, and a process that is killed takes with it what it had not sent. History keeps the order of the exports of each
// process; exports of different processes are sent side by side in no order. Live sends each when it is due, so one that is
// tried again may arrive after those that follow it. The same world and the same faults give the same exports to the byte,
// History called alike. A Fleet is safe for concurrent use.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// World is what the fleet needs of a world.
type World interface {
	// Between returns the acts of [from, to) in the order in which they happened.
	Between(from, to time.Time) []world.Act
	// Live returns the acts of the nth session of those that happen while one looks on, the first of them at start.
	Live(n int, start time.Time) []world.Act
}

// Config configures a Fleet.
type Config struct {
	World World
	Org   *world.Org
	HTTP  string // base URL of the receiver; /v1/logs and the like are appended
	// GRPC is host:port of the receiver's gRPC listener: plain on loopback, over TLS elsewhere. Without one, clients that are
	// set to gRPC use http/protobuf.
	GRPC string
	// Token is the bearer token a device sends; nil or an empty one sends none.
	Token  func(*world.Device) secret.String
	Faults Faults
	Logger *slog.Logger

	Connections int               // of History side by side; 0 means 8
	Exact       bool              // History exports at the clients' own intervals too, not as much as one export holds
	Gzip        bool              // bodies are compressed, as OTEL_EXPORTER_OTLP_COMPRESSION=gzip has it
	Patience    time.Duration     // how long one export is tried; 0 means 30 s
	Pace        time.Duration     // Live begins a session so often; 0 means 4 s
	Transport   http.RoundTripper // carries HTTP; nil means one of the fleet's own
}

// Fleet plays a world's clients.
type Fleet struct {
	cfg  Config
	send *sender
}

// New makes a fleet. Nothing is sent before History or Live. Close frees its connections.
func New(cfg Config) (*Fleet, error) {
	if cfg.World == nil || cfg.Org == nil || cfg.Logger == nil {
		return nil, errors.New("make fleet: a world, its organisation and a logger are needed")
	}
	if err := cfg.Faults.validate(); err != nil {
		return nil, fmt.Errorf("make fleet: %w", err)
	}
	if cfg.Connections <= 0 {
		cfg.Connections = 8
	}
	if cfg.Patience <= 0 {
		cfg.Patience = 30 * time.Second
	}
	if cfg.Pace <= 0 {
		cfg.Pace = 4 * time.Second
	}
	s, err := newSender(&cfg)
	if err != nil {
		return nil, fmt.Errorf("make fleet: %w", err)
	}
	return &Fleet{cfg: cfg, send: s}, nil
}

// Close closes the connections. Call it when nothing is sent any more.
func (f *Fleet) Close() error { return f.send.close() }

// deliver sends one export as far as its fate has it and notes what became of it. The buffer is used for the body and
// returned for the next, unless an attempt failed: its transport may still read from it. Only the end of ctx is an error.
func (f *Fleet) deliver(ctx context.Context, e *export, fate fate, t *tally, buf []byte) ([]byte, error) {
	if fate.lost {
		t.note(lost, e, "")
		return buf, nil
	}
	protocol := f.send.protocol(e.from.p.Client.Protocol)
	told := e
	if fate.odd != nil {
		told = e.in(*fate.odd)
		t.note(odd, e, fate.odd.name)
	}
	buf = told.body(buf[:0], protocol)
	retries, err := f.send.send(ctx, e, protocol, buf)
	t.update(func(r *Report) { r.Retries += retries })
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		f.cfg.Logger.DebugContext(ctx, "export dropped", slog.String("signal", e.signal.String()), slog.String("error", err.Error()))
		t.note(refused, e, err.Error())
		return nil, nil
	}
	t.accepted(e, len(buf))
	if fate.twice {
		n, err := f.send.send(ctx, e, protocol, buf)
		if err != nil {
			return nil, ctx.Err()
		}
		retries += n
		t.update(func(r *Report) { r.Retries += n })
		t.note(duplicated, e, "")
	}
	if retries > 0 {
		return nil, nil
	}
	return buf, nil
}

// deliverAll sends the exports of one process one after the other, late ones later.
func (f *Fleet) deliverAll(ctx context.Context, list []*export, t *tally, buf []byte) ([]byte, error) {
	var err error
	for _, e := range f.arrange(list, t) {
		if buf, err = f.deliver(ctx, e, f.cfg.Faults.fate(e), t, buf); err != nil {
			return buf, err
		}
	}
	return buf, nil
}

// arrange puts late exports behind their successors.
func (f *Fleet) arrange(list []*export, t *tally) []*export {
	out := make([]*export, 0, len(list))
	waiting := map[*export]*export{} // by the successor
	for i, e := range list {
		if next := successor(list[i:]); f.cfg.Faults.fate(e).late && next != nil && waiting[next] == nil {
			waiting[next] = e
			t.note(reordered, e, "")
			continue
		}
		for ; e != nil; e = waiting[e] {
			out = append(out, e)
		}
	}
	return out
}

// successor is what the first export is late behind: the next of its process and signal, or the next of its process; nil if
// there is none.
func successor(list []*export) *export {
	var next *export
	for _, e := range list[1:] {
		switch {
		case e.from != list[0].from:
		case e.signal == list[0].signal:
			return e
		case next == nil:
			next = e
		}
	}
	return next
}
