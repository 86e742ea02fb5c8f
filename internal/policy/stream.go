package policy

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

// mostKept is how many bytes of a stream's text conditions may ask about; what comes after is scanned by detectors alone, the
// event counts as partial for conditions, and as not judged wholly.
const mostKept = 256 << 10

// Stream is text judged piece by piece. Detectors see all of it, however it is cut. Rules whose conditions ask about the
// text, its destinations or its end are tried at Close, over the first 256 KiB of it. It belongs to one goroutine.
type Stream struct {
	engine *Engine
	set    *ruleSet
	event  Event
	detect *detector.Stream

	keep  bool // some rule asks about the text
	text  []byte
	found []Finding
	told  map[[2]string]bool // rules and exceptions of the matches that were reported
	ill   bool               // a failure was reported
	size  int                // bytes written
	lost  error              // a panic: nothing more is judged
}

// Stream judges text that comes in pieces, as Evaluate would judge the whole. The event's Text and Span are not used.
func (e *Engine) Stream(ev Event) *Stream {
	s := &Stream{engine: e, set: e.set.Load(), event: ev, told: map[[2]string]bool{}}
	s.event.Text, s.event.Span, s.event.Arguments = "", [32]byte{}, nil
	for _, r := range s.set.at[ev.Point] {
		s.keep = s.keep || r.asksText()
		if len(r.selects) > 0 || r.reads("findings") {
			s.detect = s.set.detectors.Stream()
		}
	}
	return s
}

// reads reports whether a condition of the rule reads one of the variables.
func (r *rule) reads(names ...string) bool {
	for _, name := range names {
		if r.when.reading(name) {
			return true
		}
		for i := range r.exceptions {
			if r.exceptions[i].when.reading(name) {
				return true
			}
		}
	}
	return false
}

func (r *rule) asksText() bool { return r.reads("text", "hosts", "partial") }

// Write takes the next bytes. It reports true, and the verdict so far, when something new matched.
func (s *Stream) Write(p []byte) (Verdict, bool) {
	s.size += len(p)
	if s.keep {
		s.text = append(s.text, p[:min(len(p), mostKept-len(s.text))]...)
	}
	if s.detect == nil || s.lost != nil {
		return Verdict{Effect: Allow, RuleSet: s.set.version}, false
	}
	return s.judge(func() []Finding { return s.detect.Write(p) }, false)
}

// Close ends the text and reports the verdict on the whole, and true when something new matched.
func (s *Stream) Close() (Verdict, bool) {
	v, is := s.judge(func() []Finding {
		if s.detect == nil {
			return nil
		}
		return s.detect.Close()
	}, true)
	s.engine.metrics.count(s.event.Point, &v)
	return v, is
}

func (s *Stream) judge(next func() []Finding, whole bool) (v Verdict, is bool) {
	defer func() {
		if r := recover(); r != nil {
			s.lost = fmt.Errorf("%w: panic", ErrEngine)
			s.engine.log.ErrorContext(context.Background(), "policy panicked; the rest of the text counts as not judged", "point", string(s.event.Point), "panic", fmt.Sprintf("%T", r))
			v, is = Verdict{Effect: Allow, RuleSet: s.set.version, Failed: s.lost}, true
		}
	}()
	if s.lost != nil {
		return Verdict{Effect: Allow, RuleSet: s.set.version, Failed: s.lost}, false
	}
	found := next()
	s.found = append(s.found, found...)
	if len(found) == 0 && !whole {
		return Verdict{Effect: Allow, RuleSet: s.set.version}, false
	}
	j := begin(s.set, nil, s.engine.marks, &s.event)
	j.known, j.facts.findings = true, s.found
	j.early = !whole
	if whole {
		j.facts.text = string(s.text)
		if s.keep && s.size > len(s.text) {
			s.event.Partial = true
			j.fail(fmt.Errorf("%w: conditions saw the first %d of %d bytes", ErrIncomplete, len(s.text), s.size))
		}
	}
	v = j.run(context.Background())
	is = v.Failed != nil && !s.ill
	for _, m := range v.Matches {
		if match := [2]string{m.Rule, m.Exception}; !s.told[match] {
			s.told[match], is = true, true
		}
	}
	s.ill = s.ill || v.Failed != nil
	return v, is
}
