package policy

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// memory is what an Engine remembers of texts: what was found in them, and what the verdict was where nothing but the text
// and some words beside it decide. It holds offsets and kinds, never text.
type memory struct {
	findings *cache[span, []Finding]
	verdicts *cache[question, remembered]
}

func newMemory(spans int) *memory {
	return &memory{
		findings: newCache[span](spans, func(f []Finding) int { return 1 + len(f) }),
		verdicts: newCache[question](spans, func(r remembered) int {
			n := 1
			for i := range r.verdict.Matches {
				n += 1 + len(r.verdict.Matches[i].Findings)
			}
			return n
		}),
	}
}

// span names a text: by its digest, and by its length, so that a caller's digest of a whole never answers for a part of it.
type span struct {
	digest    [sha256.Size]byte
	size      int
	detectors string // version of what looked
}

// spanOf names the text of an event.
func spanOf(ev *Event, text, detectors string) span {
	s := span{digest: ev.Span, size: len(text), detectors: detectors}
	if s.digest == [sha256.Size]byte{} {
		s.digest = sha256.Sum256([]byte(text))
	}
	return s
}

// question is all that decided a verdict: two events with equal questions get the same answer. What no rule of the point asks
// about is left empty.
type question struct {
	span                                                          span
	set                                                           string
	point                                                         Point
	source                                                        audit.Source
	surface                                                       audit.Surface
	model, kind, tool, capabilities, account, session, marks, day string
	partial                                                       bool
}

type remembered struct {
	verdict Verdict
	marks   []string // to be noted of whatever session it is
}

// asks says what the rules of a point ask about beside the text.
type asks struct {
	source, surface, model, kind, tool, capabilities, account, session, marks, day, partial bool

	more bool // something that is not worth remembering by
}

func asksOf(rules []*rule) asks {
	var a asks
	for _, r := range rules {
		a.source = a.source || len(r.Sources) > 0 || r.reads("source")
		a.surface = a.surface || len(r.Surfaces) > 0 || r.reads("surface")
		a.kind = a.kind || len(r.Kinds) > 0 || r.reads("kind")
		a.tool = a.tool || len(r.Tools)+len(r.MCP) > 0 || r.reads("tool", "mcp", "ui.kind", "ui.action")
		a.model = a.model || r.reads("model")
		a.capabilities = a.capabilities || r.reads("capabilities")
		a.session = a.session || r.reads("session")
		a.marks = a.marks || r.reads("marks")
		a.partial = a.partial || r.reads("partial")
		a.account = a.account || r.Who != nil || r.readsAccount()
		a.more = a.more || r.reads("at")
		a.day = a.day || len(r.exceptions) > 0
		for i := range r.exceptions {
			x := &r.exceptions[i]
			a.surface = a.surface || len(x.Surfaces) > 0
			a.tool = a.tool || len(x.Tools)+len(x.MCP) > 0
			a.account = a.account || x.Who != nil
		}
	}
	return a
}

func (r *rule) readsAccount() bool {
	reads := func(c *condition) bool {
		return c != nil && slices.ContainsFunc(c.reads, func(v string) bool { return strings.HasPrefix(v, "account.") })
	}
	return reads(r.when) || slices.ContainsFunc(r.exceptions, func(x exception) bool { return reads(x.when) })
}

// question puts an event as one, or reports false where its verdict is not remembered: tool calls have arguments that
// hardly come twice.
func (s *ruleSet) question(ev *Event, m *marks) (q question, is bool) {
	a := s.asks[ev.Point]
	if a.more || len(ev.Arguments) > 0 || ev.Text == "" {
		return q, false
	}
	q = question{span: spanOf(ev, ev.Text, ""), set: s.version, point: ev.Point, partial: a.partial && ev.Partial}
	if a.source {
		q.source = ev.Source
	}
	if a.surface {
		q.surface = ev.Surface
	}
	if a.model {
		q.model = ev.Model
	}
	if a.kind {
		q.kind = ev.Kind
	}
	if a.tool {
		q.tool = strconv.Quote(ev.Tool) + strconv.Quote(ev.MCP)
	}
	if a.capabilities {
		q.capabilities = quoted(ev.Capabilities)
	}
	if a.account {
		q.account = quotedIdentity(&ev.Account.Asserted) + quotedIdentity(&ev.Account.Proved)
	}
	if a.session {
		q.session = ev.Keys.Session
	}
	if a.marks {
		q.marks = quoted(joinWords(m.get(ev), ev.Marks))
	}
	if a.day && !ev.At.IsZero() {
		q.day = ev.At.UTC().Format("2006-01-02") // exceptions end with a day
	}
	return q, true
}

// Standing is what verdicts on an event rest on beside the event itself: the rules in force, and what they noted of its session.
// It is false where a rule rests on the time too: such a verdict is good for the moment alone.
func (e *Engine) Standing(ev *Event) (version string, marks []string, is bool) {
	set := e.set.Load()
	for _, a := range set.asks {
		if a.more {
			return "", nil, false
		}
	}
	return set.version, e.marks.get(ev), true
}

// quoted is a list as one string that no other list gives.
func quoted(list []string) string {
	var b strings.Builder
	for _, s := range list {
		b.WriteString(strconv.Quote(s))
	}
	return b.String()
}

func quotedIdentity(id *audit.Identity) string {
	return quoted([]string{id.User, id.UUID, id.Email, id.Subject, id.Org, id.Key, id.Service, id.Device, id.OSUser, id.Credential, quoted(id.Groups)})
}
