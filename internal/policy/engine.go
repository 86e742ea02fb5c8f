package policy

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

// Finding is what a detector found: family and kind, and where, in bytes of the text that was judged.
type Finding = detector.Finding

// Deps are what an Engine needs of others. Both may be nil.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Engine judges events by the rules in force.
type Engine struct {
	set     atomic.Pointer[ruleSet]
	memory  *memory
	marks   *marks
	log     *slog.Logger
	metrics *metrics
}

// New reads and compiles the rules. A rule set with a mistake is an error that names every one.
func New(cfg Config, deps Deps) (*Engine, error) {
	e := &Engine{log: deps.Logger, marks: newMarks(), memory: newMemory(cfg.CacheSpans)}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	set, err := load(cfg, nil)
	if err != nil {
		return nil, err
	}
	if e.metrics, err = newMetrics(deps.Registerer); err != nil {
		return nil, err
	}
	e.set.Store(set)
	e.metrics.rules.Set(float64(len(set.rules)))
	return e, nil
}

func load(cfg Config, older *ruleSet) (*ruleSet, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	files, err := readFiles(&cfg)
	if err != nil {
		return nil, err
	}
	return compileSet(cfg, files, older)
}

// Reload reads the rule files again and puts them in force. A broken set is refused with every problem, and the last good
// one stays. The size of the cache stays what it was.
func (e *Engine) Reload(cfg Config) error {
	commit, err := e.Prepare(cfg)
	if err != nil {
		return err
	}
	commit()
	return nil
}

// Prepare reads and compiles like Reload and leaves putting it in force to the function it returns, which cannot fail.
func (e *Engine) Prepare(cfg Config) (commit func(), err error) {
	set, err := load(cfg, e.set.Load())
	if err != nil {
		return nil, err
	}
	return func() {
		old := e.set.Swap(set)
		e.metrics.rules.Set(float64(len(set.rules)))
		if old.version != set.version {
			e.log.InfoContext(context.Background(), "rules in force", "rule_set", set.version, "rules", len(set.rules), "mode", string(set.cfg.Mode))
		}
	}, nil
}

// Evaluate judges one event. It is bounded in time by the context and by the size of the text, and never panics.
func (e *Engine) Evaluate(ctx context.Context, ev Event) (v Verdict) {
	set := e.set.Load()
	defer func() {
		if r := recover(); r != nil {
			v = Verdict{Effect: Allow, RuleSet: set.version, Failed: fmt.Errorf("%w: panic", ErrEngine)} // its value may quote what was judged
			e.log.ErrorContext(ctx, "policy panicked; the event counts as not judged", "point", string(ev.Point), "panic", fmt.Sprintf("%T", r))
		}
		e.metrics.count(ev.Point, &v)
	}()
	q, is := set.question(&ev, e.marks)
	if is {
		if known, is := e.memory.verdicts.get(q); is {
			e.marks.add(&ev, known.marks)
			return known.verdict
		}
		ev.Span = q.span.digest
	}
	j := begin(set, e.memory.findings, e.marks, &ev)
	if v = j.run(ctx); is && v.Failed == nil {
		e.memory.verdicts.put(q, remembered{verdict: v, marks: j.noted})
	}
	return v
}

// Enforces reports whether some rule at this point can deny or redact. Where none can, nothing need be held for a verdict.
func (e *Engine) Enforces(p Point) bool { return e.set.Load().enforces(p) }

// Version names the rules in force, their order, lists and exceptions, the mode and the detectors: a digest of 32 hex digits.
func (e *Engine) Version() string { return e.set.Load().version }

// Mode is observe or enforce: whether rules take effect at all, and so how what fails is treated.
func (e *Engine) Mode() Mode { return e.set.Load().cfg.Mode }

// Failures is the failure table in force, every row filled.
func (e *Engine) Failures() Failures {
	cfg := &e.set.Load().cfg
	return cfg.Failures.For(cfg.Mode)
}

// Rules lists the rules in force, in their order, as they are after overrides.
func (e *Engine) Rules() []Rule {
	set := e.set.Load()
	list := make([]Rule, len(set.rules))
	for i, r := range set.rules {
		list[i] = r.Rule
	}
	return list
}

// Kinds lists what the detectors in force find.
func (e *Engine) Kinds() []detector.Kind { return e.set.Load().detectors.Kinds() }
