// Package own puts on record what Tripod itself does with the Compliance API: each run, each key taken into use and each
// request, for all collectors of a tenant together, so that the vendor's list of calls can be held against ours.
//
// It promises: a run and a key are on record before the first request that uses them is sent. Requests go on record some
// at a time, in the order in which their answers came; at any moment no more than MostUnrecorded numbers have been given
// out that no record has, so a crash loses the request ids of that many calls at most, and a call that carries a later
// number is not ours. An orderly end of Run leaves nothing unrecorded and says so with the last number. A Log is safe for
// concurrent use.
package own

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/trouble"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Requests go on record some at a time: a poll that finds nothing is worth no record of its own.
const (
	mostCalls  = 60              // of one record
	callsAfter = 5 * time.Minute // the oldest waits no longer
)

// MostUnrecorded is how many calls of a run can be missing from the records of it.
const MostUnrecorded = 2 * mostCalls

// Config configures a Log.
type Config struct {
	Credential string // names the key in records; default "compliance"
	Host       string // of the API
	Version    string // of Tripod
	Deletes    bool   // the key is the one for deleting
}

// Door takes own acts in; intake.Door is one. A nil error means that everything is durable.
type Door interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Deps are what a Log works with. Logger, Registerer and Health may be nil.
type Deps struct {
	Door       Door
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Health     *health.Registry
}

// Log keeps the record of own calls.
type Log struct {
	cfg      Config
	door     Door
	log      *slog.Logger
	health   *health.Registry
	requests *prometheus.CounterVec
	run      string
	writing  chan struct{} // holds one token: who has it writes records

	mu       sync.Mutex   // guards what follows
	begun    bool         // the run is on record
	issued   int64        // numbers given out
	recorded int64        // calls on record
	calls    []api.Call   // made and not on record
	keys     []api.KeyUse // keys taken into use and not on record
}

// New makes the log of a new run, and writes nothing before its first call.
func New(cfg Config, deps Deps) (*Log, error) {
	if deps.Door == nil {
		return nil, errors.New("record own calls: no door")
	}
	if cfg.Credential == "" {
		cfg.Credential = "compliance"
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Log{
		cfg: cfg, door: deps.Door, log: deps.Logger, health: deps.Health, run: rand.Text(), writing: make(chan struct{}, 1),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tripod_compliance_requests_total", Help: "Requests to the Compliance API by status; 0 got no answer.",
		}, []string{"status"}),
	}
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(l.requests); err != nil {
			return nil, fmt.Errorf("register metrics of own calls: %w", err)
		}
	}
	return l, nil
}

// Run puts on record what Observe and KeyLoaded hear of, until the context ends; then all that is left, and the end of the
// run. It must outlive every caller of the client.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(callsAfter / 5)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := l.flush(ctx, false); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "calls to the Compliance API are not on record yet", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTime)
	defer cancel()
	if err := l.end(ctx); err != nil {
		l.log.WarnContext(ctx, "calls to the Compliance API are not on record", "error", err)
	}
	return nil
}

// endTime bounds how long the calls that are not on record may take to get there when Run ends.
const endTime = 5 * time.Second

// Name names the next request; it is an api.Namer. An error says that our own side cannot put calls on record.
func (l *Log) Name(ctx context.Context) (api.Name, error) {
	if err := l.write(ctx, (*Log).unready, false); err != nil {
		return api.Name{}, trouble.Ours(err)
	}
	if n, ok := l.issue(); ok {
		return n, nil
	}
	if err := l.flush(ctx, true); err != nil {
		return api.Name{}, trouble.Ours(err)
	}
	if n, ok := l.issue(); ok {
		return n, nil
	}
	return api.Name{}, trouble.Ours(fmt.Errorf("more than %d calls to the Compliance API are under way at once", MostUnrecorded))
}

func (l *Log) issue() (api.Name, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.issued-l.recorded >= MostUnrecorded {
		return api.Name{}, false
	}
	l.issued++
	return api.Name{Run: l.run, Number: l.issued}, true
}

// Observe hears of a request that was sent.
func (l *Log) Observe(made api.Call) {
	l.requests.WithLabelValues(fmt.Sprint(made.Status)).Inc()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, made)
}

// Conditions of keys.
const (
	conditionSecond = "compliance.second_key"
	conditionDelete = "compliance.key_can_delete"
)

// KeyLoaded hears of a key that was taken into use.
func (l *Log) KeyLoaded(u api.KeyUse) {
	if u.Place > 1 {
		l.health.Raise(conditionSecond, health.Warning, "the Compliance API refuses the first of the keys, and the second is in use: nothing is lost; "+
			"take the refused key out of its file, variable or command, and put the next one behind the key in use")
	} else {
		l.health.Clear(conditionSecond)
	}
	l.health.Clear(conditionDelete) // until a refusal names the scopes of this one
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys = append(l.keys, u)
}

// Scopes hears of the scopes of the key in use: a key that reads should be able to do nothing else.
func (l *Log) Scopes(list []string) {
	if l.cfg.Deletes || !slices.Contains(list, api.ScopeDelete) {
		return
	}
	l.health.Raise(conditionDelete, health.Warning, "the key that Tripod reads with can delete content ("+api.ScopeDelete+"): who gets hold of it can destroy evidence. "+
		"Make a key that can only read, put it in place, and disable this one")
}

// flush puts on record what is due, or all.
func (l *Log) flush(ctx context.Context, all bool) error {
	return l.write(ctx, func(l *Log) bool { return len(l.keys) > 0 || l.ripe(all) }, all)
}

// unready tells whether something must be on record before the next request.
func (l *Log) unready() bool { return !l.begun || len(l.keys) > 0 || l.ripe(false) }

// write puts the run on record, and what is due or all, where there is a need.
func (l *Log) write(ctx context.Context, need func(*Log) bool, all bool) error {
	l.mu.Lock()
	idle := !need(l)
	l.mu.Unlock()
	if idle {
		return nil
	}
	select {
	case l.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-l.writing }()
	if err := l.begin(ctx); err != nil {
		return err
	}
	for {
		made, use := l.next(all)
		var err error
		switch {
		case use != nil:
			err = l.act(ctx, key(l, *use))
		case len(made) > 0:
			err = l.act(ctx, requests(l, made))
		default:
			return nil
		}
		if err != nil {
			return err
		}
		l.took(made, use)
	}
}

func (l *Log) ripe(all bool) bool {
	return len(l.calls) > 0 && (all || len(l.calls) >= mostCalls || time.Since(l.calls[0].At) >= callsAfter)
}

// next is what the next record holds. The caller has the token.
func (l *Log) next(all bool) (made []api.Call, use *api.KeyUse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.keys) > 0:
		return nil, &l.keys[0]
	case l.ripe(all):
		return l.calls[:min(len(l.calls), mostCalls):min(len(l.calls), mostCalls)], nil
	}
	return nil, nil
}

// took notes what is durable now.
func (l *Log) took(made []api.Call, use *api.KeyUse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if use != nil {
		l.keys = l.keys[1:]
	}
	l.calls = l.calls[len(made):]
	l.recorded += int64(len(made))
}

// begin records the run. The caller has the token.
func (l *Log) begin(ctx context.Context) error {
	l.mu.Lock()
	begun := l.begun
	l.mu.Unlock()
	if begun {
		return nil
	}
	if err := l.act(ctx, began(l)); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = true
	return nil
}

// end records what is left, and the run's end where it began.
func (l *Log) end(ctx context.Context) error {
	l.mu.Lock()
	idle := !l.begun && len(l.calls) == 0 && len(l.keys) == 0
	l.mu.Unlock()
	if idle {
		return nil
	}
	if err := l.flush(ctx, true); err != nil {
		return err
	}
	l.mu.Lock()
	whole, last := l.recorded == l.issued, l.issued
	l.mu.Unlock()
	if !whole { // numbers that were given out and led to no request, or to one that is still under way
		return nil
	}
	return l.act(ctx, ended(l, last))
}

func (l *Log) act(ctx context.Context, a intake.Act) error {
	a.Activity, a.Account = audit.ActivityOperation, audit.Identity{Credential: l.cfg.Credential}
	if _, err := l.door.Record(ctx, a, nil); err != nil {
		return fmt.Errorf("record %s: %w", a.Type, err)
	}
	return nil
}
