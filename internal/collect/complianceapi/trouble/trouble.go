// Package trouble tells that a part of the Compliance API is out of reach: as a condition of health, and as one record
// where that begins and one where it ends.
//
// It promises: what a Watch told is durable before it counts as told, so that a restart neither tells it again nor forgets
// to tell its end; what could not be put on record is tried again with the next failure. Records enter in the order of
// the calls. A Watch is used by one goroutine, that of the collector it belongs to; Diagnose and Ours are safe for
// concurrent use.
//
// Source: https://platform.claude.com/docs/en/manage-claude/compliance-errors.
package trouble

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
)

// Records of a part being out of reach, so that this is never silent.
const (
	TypeInterrupted = "tripod.feed.interrupted"
	TypeResumed     = "tripod.feed.resumed"
)

// Config says what is watched.
type Config struct {
	Part       string // of the API: "directory". "" is the activity feed, whose conditions are named without a part
	Feed       string // what records call it: "compliance.directory"
	What       string // what people call it: "the directory". "" is Feed
	Scope      string // that a key needs for it: "read:compliance_org_data"
	Credential string // names the key in records; default "compliance"
	Host       string // of the API
	// ReadUpTo tells until when everything was read, for the record of an interruption; nil, or a zero time, says nothing.
	ReadUpTo func() time.Time
}

// Door takes own acts in; intake.Door is one. A nil error means that everything is durable.
type Door interface {
	Record(ctx context.Context, act intake.Act, cursors map[string][]byte) (uint64, error)
}

// Cursors tells what was committed last under a name; journal.Journal does.
type Cursors interface {
	Cursor(ctx context.Context, name string) ([]byte, error)
}

// Deps are what a Watch works with. Health and Logger may be nil.
type Deps struct {
	Door    Door
	Cursors Cursors
	Health  *health.Registry
	Logger  *slog.Logger
}

// Watch follows whether one part of the API can be read.
type Watch struct {
	cfg      Config
	deps     Deps
	prefix   string // of conditions
	reasons  map[string]reason
	loaded   bool
	told     *told // nil where there is no trouble
	failures int   // in a row
}

// told is the trouble that is on record, and the cursor's form. An empty one says that there is none.
type told struct {
	Version int       `json:"v"`
	Reason  string    `json:"reason,omitempty"` // the condition's code without its prefix
	Since   time.Time `json:"since,omitzero"`
}

const toldVersion = 1

// New makes a watch over one part.
func New(cfg Config, deps Deps) (*Watch, error) {
	if cfg.Feed == "" || deps.Door == nil || deps.Cursors == nil {
		return nil, errors.New("watch a part of the compliance api: no feed, door or cursors")
	}
	if cfg.Credential == "" {
		cfg.Credential = "compliance"
	}
	if cfg.What == "" {
		cfg.What = cfg.Feed
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Watch{cfg: cfg, deps: deps, prefix: "compliance.", reasons: reasons(cfg)}
	if cfg.Part != "" {
		w.prefix += cfg.Part + "."
	}
	return w, nil
}

func (w *Watch) cursor() string { return w.cfg.Feed + ".trouble " + w.cfg.Host }

// load reads what was told before this process.
func (w *Watch) load(ctx context.Context) error {
	if w.loaded {
		return nil
	}
	b, err := w.deps.Cursors.Cursor(ctx, w.cursor())
	if err != nil {
		return fmt.Errorf("read what was told of %s: %w", w.cfg.What, err)
	}
	var t told
	if b != nil {
		if err := json.Unmarshal(b, &t); err != nil {
			return fmt.Errorf("read what was told of %s: %w", w.cfg.What, err)
		}
		if t.Version != toldVersion {
			return fmt.Errorf("read what was told of %s: it has version %d, and this build knows %d: use the newer build", w.cfg.What, t.Version, toldVersion)
		}
	}
	if w.loaded = true; t.Reason != "" {
		w.told = &t
	}
	return nil
}

// consoleKeyWait is how long a part waits that a key cannot read by nature; another key may be put in its place.
const consoleKeyWait = 15 * time.Minute

// Failures is how often in a row reading failed.
func (w *Watch) Failures() int { return w.failures }

// Failed tells of trouble where it must, and returns how long to wait before the next try.
func (w *Watch) Failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	w.failures++
	wait := api.Backoff(w.failures + 2)
	name := Diagnose(err)
	if name == "console_key" { // no other answer is to be expected of this key
		wait = consoleKeyWait
	}
	r := w.reasons[name]
	if name == "" || w.failures < r.patience {
		w.deps.Logger.WarnContext(ctx, w.cfg.What+" was not read; it is tried again", "error", err)
		return wait
	}
	if err := w.load(ctx); err != nil {
		w.deps.Logger.WarnContext(ctx, "what was told before is not known", "error", err)
	}
	if w.told != nil && w.told.Reason == name {
		w.deps.Health.Raise(w.prefix+name, r.severity, r.text) // after a restart it is known and not yet raised
		return wait
	}
	w.deps.Logger.ErrorContext(ctx, w.cfg.What+" cannot be read", "reason", name, "error", err)
	if err := w.interrupted(ctx, r, err); err != nil {
		w.deps.Logger.WarnContext(ctx, "that "+w.cfg.What+" cannot be read is not on record", "error", err)
	}
	return wait
}

// interrupted raises the condition and records it.
func (w *Watch) interrupted(ctx context.Context, r reason, cause error) error {
	w.clear()
	w.deps.Health.Raise(w.prefix+r.name, r.severity, r.text)
	attrs := audit.Attrs{audit.TextAttr("feed", w.cfg.Feed), audit.TextAttr("reason", r.name)}
	var e *api.Error
	if errors.As(cause, &e) {
		attrs = append(attrs, audit.Attr{Name: "status", Value: audit.Int(int64(e.Status))}, audit.TextAttr("request_id", e.RequestID))
	}
	if w.cfg.ReadUpTo != nil {
		if at := w.cfg.ReadUpTo(); !at.IsZero() {
			attrs = append(attrs, audit.TextAttr("read_up_to", stamp(at)))
		}
	}
	return w.act(ctx, TypeInterrupted, audit.OutcomeFailure, attrs, &told{Reason: r.name, Since: time.Now().UTC().Truncate(time.Second)})
}

// Succeeded ends the trouble there was. Its error is one of our own side, and it is to be called again.
func (w *Watch) Succeeded(ctx context.Context) error {
	w.failures = 0
	if err := w.load(ctx); err != nil {
		return err
	}
	t := w.told
	if t == nil {
		return nil
	}
	err := w.act(ctx, TypeResumed, audit.OutcomeSuccess, audit.Attrs{audit.TextAttr("feed", w.cfg.Feed), audit.TextAttr("reason", t.Reason), audit.TextAttr("since", stamp(t.Since))}, nil)
	if err != nil {
		return err
	}
	w.clear()
	w.deps.Logger.InfoContext(ctx, w.cfg.What+" is read again", "reason", t.Reason, "since", t.Since)
	return nil
}

// act records what is told, together with the cursor that says it was.
func (w *Watch) act(ctx context.Context, typ string, outcome audit.Outcome, attrs audit.Attrs, next *told) error {
	t := told{}
	if next != nil {
		t = *next
	}
	t.Version = toldVersion
	b, err := json.Marshal(t)
	if err != nil {
		return Ours(fmt.Errorf("write what is told of %s: %w", w.cfg.What, err))
	}
	_, err = w.deps.Door.Record(ctx, intake.Act{
		Type: typ, Activity: audit.ActivityOperation, Outcome: outcome, Account: audit.Identity{Credential: w.cfg.Credential}, Attributes: attrs,
	}, map[string][]byte{w.cursor(): b})
	if err != nil {
		return Ours(fmt.Errorf("record %s of %s: %w", typ, w.cfg.What, err))
	}
	w.told = next
	return nil
}

func (w *Watch) clear() {
	for name := range w.reasons {
		w.deps.Health.Clear(w.prefix + name)
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
