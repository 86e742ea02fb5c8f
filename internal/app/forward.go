package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/ecs"
	"github.com/tripod-audit/tripod/internal/forward/ocsf"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
)

const (
	typeHeartbeat    = "tripod.heartbeat"
	defaultHeartbeat = time.Minute
)

// forwarding sends the journal to the sinks of the configuration.
type forwarding struct {
	*forward.Forwarder
	app *App
}

// newForwarding makes what forwards; nil where no sink is configured, or the ledger refuses to go on.
func newForwarding(ctx context.Context, a *App) (*forwarding, error) {
	sinks := a.cfg.Forward.Sinks
	if len(sinks) == 0 || a.truth.Refused != nil {
		return nil, nil
	}
	o := forward.Options{Dir: a.cfg.Data}
	for i := range sinks {
		o.Sinks = append(o.Sinks, sinks[i].SinkConfig)
	}
	f, err := forward.New(ctx, o, forward.Deps{
		Journal: a.truth.Journal, Ledger: a.truth.Ledger, Format: formatterOf, Filter: filterOf,
		Open:   func(ctx context.Context, name string) (forward.Sink, error) { return a.openSinkNamed(ctx, name) },
		Health: a.health, Logger: a.log, Registerer: a.metrics,
	})
	if err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	a.truth.forget = f.Forget
	return &forwarding{Forwarder: f, app: a}, nil
}

func (a *App) openSinkNamed(ctx context.Context, name string) (forward.Sink, error) {
	s := sinkNamed(&a.cfg, name)
	if s == nil {
		return nil, fmt.Errorf("%w: %q", forward.ErrNoSink, name)
	}
	return openSink(ctx, s, forward.SinkDeps{
		Name: s.Name, Origin: a.truth.Ledger.Checkpoint().Origin, Version: a.version, Holds: s.WithDefaults().Holds, Logger: a.log,
	})
}

func sinkNamed(cfg *config.Config, name string) *config.Sink {
	i := slices.IndexFunc(cfg.Forward.Sinks, func(s config.Sink) bool { return s.Name == name })
	if i < 0 {
		return nil
	}
	return &cfg.Forward.Sinks[i]
}

// formatterOf finds the form of a sink's items.
func formatterOf(name string) (forward.Formatter, error) {
	inOCSF := func(record forward.Format, version string) forward.Formatter {
		return forward.Formatter{Record: record, Checkpoint: func(dst []byte, c *forward.Checkpoint) ([]byte, error) {
			return ocsf.AppendCheckpoint(dst, version, &ocsf.Checkpoint{Origin: c.Origin, Size: c.Size, Time: c.Time, Note: c.Note})
		}}
	}
	switch name {
	case forward.FormatOCSF:
		return inOCSF(ocsf.Append, ocsf.Version), nil
	case forward.FormatOCSF180:
		return inOCSF(ocsf.Append180, "1.8.0"), nil
	case forward.FormatECS:
		return forward.Formatter{Record: ecs.Append}, nil
	case forward.FormatRecord:
		return forward.Formatter{Record: forward.AppendRecord}, nil
	}
	return forward.Formatter{}, fmt.Errorf("no format %q", name)
}

// filterOf reads the query of a sink. Times in it are times: "the last hour" would mean another one at each record.
func filterOf(query string) (func(*audit.Record) bool, error) {
	q, err := search.Parse(query, time.Time{})
	if err != nil {
		return nil, err
	}
	return q.Match, nil
}

// start starts sending, and the heartbeat.
func (f *forwarding) start(start func(string, func(context.Context) error)) {
	if f == nil {
		return
	}
	start("forwarding", f.Run)
	start("heartbeat", f.beat)
}

func (f *forwarding) close() error {
	if f == nil {
		return nil
	}
	return f.Close()
}

// wake tries again what waits for another credential.
func (f *forwarding) wake() {
	if f != nil {
		f.Wake()
	}
}

// beat records now and then that Tripod is alive and how far each sink came, so that a SIEM can alarm on silence, and so that a
// restored data directory goes on there.
func (f *forwarding) beat(ctx context.Context) error {
	tick := time.NewTicker(f.every())
	defer tick.Stop()
	for {
		if err := f.heartbeat(ctx); err != nil && ctx.Err() == nil {
			f.app.health.Raise("forward.heartbeat", health.Warning, "the heartbeat is not on record, trying again: "+err.Error())
		} else {
			f.app.health.Clear("forward.heartbeat")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (f *forwarding) heartbeat(ctx context.Context) error {
	list, err := f.Status(ctx)
	if err != nil {
		return err
	}
	act := intake.Act{Type: typeHeartbeat, Activity: audit.ActivityOperation, Account: osIdentity(), Attributes: audit.Attrs{
		audit.TextAttr("version", f.app.version), audit.CountAttr("interval_seconds", int64(f.every().Seconds())),
	}}
	cursors := make(map[string][]byte, len(list))
	for _, s := range list {
		for _, n := range []struct {
			name  string
			value uint64
		}{{"last_seq", s.LastSeq}, {"lag_records", s.LagRecords}, {"lag_seconds", uint64(s.LagSeconds)}, {"dead_letters", uint64(s.Dead)}} {
			act.Attributes = append(act.Attributes, audit.CountAttr("sink."+s.Sink+"."+n.name, int64(n.value)))
		}
		cursors[forward.CursorName(s.Sink)] = forward.AppendCursor(nil, s.LastSeq)
	}
	_, err = f.app.truth.Door.Record(ctx, act, cursors)
	return err
}

func (f *forwarding) every() time.Duration {
	if d := f.app.cfg.Forward.Heartbeat; d > 0 {
		return d
	}
	return defaultHeartbeat
}

// standing is what the page of health shows.
func (f *forwarding) standing(ctx context.Context) []page.SinkHealth {
	if f == nil {
		return nil
	}
	list, err := f.Status(ctx)
	if err != nil {
		f.app.log.WarnContext(ctx, "health page", "part", "forwarding", "error", err)
		return []page.SinkHealth{{Name: "forwarding", Problem: "how far it is cannot be read at the moment; the log has why"}}
	}
	sinks := make([]page.SinkHealth, 0, len(list))
	for _, s := range list {
		c := sinkNamed(&f.app.cfg, s.Sink)
		sinks = append(sinks, page.SinkHealth{
			Name: s.Sink, Type: c.Type(), Grade: string(f.Grade(s.Sink)), Processor: c.Processor, Region: c.Region, LastSeq: s.LastSeq,
			Waiting: s.LagRecords, WaitingFor: time.Duration(s.LagSeconds) * time.Second, Sent: s.Sent, Dead: s.Dead, Acknowledged: s.Acknowledged, Error: s.Error,
		})
	}
	return sinks
}

// forgotten drops what forwarding keeps of the records whose erasure was ordered at a position.
func (t *Truth) forgotten(ctx context.Context, seq uint64) error {
	stored, err := t.Journal.Reader().Get(ctx, seq)
	if err != nil {
		return err
	}
	r, err := stored[0].Record()
	if err != nil {
		return err
	}
	var seqs []uint64
	for _, o := range audit.ErasureOrders(r) {
		seqs = append(seqs, o.Position)
	}
	if len(seqs) == 0 {
		return nil
	}
	if t.forget != nil {
		return t.forget(ctx, seqs)
	}
	return forward.Forget(ctx, t.dir, seqs)
}

// SinkState is a sink as `tripod forward list` shows it.
type SinkState struct {
	forward.Status
	Type      string        `json:"type"`
	Format    string        `json:"format"`
	Filter    string        `json:"filter,omitempty"`
	Grade     forward.Grade `json:"grade,omitempty"`
	Processor string        `json:"processor,omitempty"`
	Region    string        `json:"region,omitempty"`
	Holds     audit.Class   `json:"holds"`
}

// Sinks tells how the sinks of a configuration stand, from the files of the data directory.
func Sinks(ctx context.Context, cfg *config.Config) (list []SinkState, err error) {
	if err := mustExist(cfg.Data); err != nil {
		return nil, err
	}
	r, err := journal.OpenReader(ctx, cfg.Data)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var names []string
	for i := range cfg.Forward.Sinks {
		names = append(names, cfg.Forward.Sinks[i].Name)
	}
	states, err := forward.Statuses(ctx, cfg.Data, r, names)
	if err != nil {
		return nil, err
	}
	for i, s := range states {
		c := &cfg.Forward.Sinks[i]
		d := c.WithDefaults()
		list = append(list, SinkState{Status: s, Type: c.Type(), Format: d.Format, Filter: d.Filter, Processor: d.Processor, Region: d.Region, Holds: d.Holds})
	}
	return list, nil
}
