package normalise

import (
	"crypto/sha256"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// maker works through one export. It belongs to one goroutine.
type maker struct {
	Origin
	maxValue int
	names    *names

	drafts  []Draft
	records []audit.Record // unused ones

	// What the records of the current resource and scope share.
	source   audit.Source
	resource []wire.Attr // as sent
	shared   list        // its attributes, facts and pieces as every record has them
	service  audit.Service
	formHead []byte            // what they share in their forms
	formSum  [sha256.Size]byte // its digest

	// The record being made.
	rec    *audit.Record
	own    list
	left   int      // bytes that its lists may still take
	tools  []string // tool_parameters and tool_input, as sent
	odd    wire.Odd
	mark   int    // where its form begins in forms
	latest uint64 // time of the latest point, of a record of metrics

	// Arenas that the drafts keep. Records hold no memory of the export, whose content may be large.
	text  strings.Builder
	bytes []byte
	attrs []audit.Attr
	forms []byte
	spare []Piece // room behind the last record's pieces
	chunk int
}

// list is what became of one list of attributes.
type list struct {
	attrs  audit.Attrs
	pieces []Piece
	facts  facts
	flags  []string
}

// enter begins a resource.
func (m *maker) enter(source audit.Source, attrs []wire.Attr, dropped uint32, schema string, odd wire.Odd) {
	m.source, m.resource = source, attrs
	m.shared, m.left = list{}, mostShared
	m.place(&m.shared, attrs, resourcePrefix, nil)
	m.oddFlags(&m.shared, odd)
	if dropped > 0 {
		m.shared.attrs = append(m.shared.attrs, audit.Attr{Name: "otlp.dropped_attributes", Value: audit.Int(int64(dropped))})
	}
	m.service = audit.Service{
		Name:    m.shared.facts.text(m.shared.attrs, serviceName),
		Version: m.shared.facts.text(m.shared.attrs, serviceVersion),
	}
	m.formHead = appendFormHead(m.formHead[:0], source, attrs, dropped, schema)
}

// enterScope begins a scope of the resource.
func (m *maker) enterScope(name, version string, attrs []wire.Attr, dropped uint32, schema string, odd wire.Odd) {
	m.service.Scope = m.name(&m.shared, "scope.name", name)
	m.service.ScopeVersion = m.name(&m.shared, "scope.version", version)
	if len(attrs) > 0 {
		m.place(&m.shared, attrs, scopePrefix, nil)
	}
	m.oddFlags(&m.shared, odd)
	m.formHead = appendFormScope(m.formHead, name, version, attrs, dropped, schema)
	m.shared.attrs = clip(m.shared.attrs)
}

// entered ends what the records of a resource and scope share.
func (m *maker) entered() { m.formSum = sha256.Sum256(m.formHead) }

// start begins a record.
func (m *maker) start() {
	if len(m.records) == 0 { // metrics may need more than one record for a resource
		m.records = make([]audit.Record, 1)
	}
	m.rec, m.records = &m.records[0], m.records[1:]
	m.odd = 0
	m.own, m.left = list{pieces: m.spare}, mostOwn
	m.tools = m.tools[:0]
	if cap(m.forms)-len(m.forms) < 512 {
		m.forms = make([]byte, 0, max(m.chunk, 1024))
	}
	m.mark = len(m.forms)
	m.forms = appendFormStart(m.forms, &m.formSum)
}

// finish puts together what every record has, whatever the signal, and keeps the draft.
func (m *maker) finish() {
	r := m.rec
	r.Normaliser, r.Source, r.IP, r.Service = Version, m.source, m.IP, m.service
	if r.Surface = m.Surface; r.Surface == "" {
		r.Surface = m.surface()
	}
	m.keys()
	m.account()
	m.tool()
	r.Resource, r.Attributes = m.shared.attrs, clip(m.own.attrs)
	r.Container = m.container()
	m.oddFlags(&m.own, m.odd)
	for _, f := range m.shared.flags {
		r.Flag(f)
	}
	for _, f := range m.own.flags {
		r.Flag(f)
	}
	pieces := m.own.pieces
	m.spare = pieces[len(pieces):]
	pieces = pieces[:len(pieces):len(pieces)]
	if len(m.shared.pieces) > 0 {
		pieces = append(append(make([]Piece, 0, len(m.shared.pieces)+len(pieces)), m.shared.pieces...), pieces...)
	}
	m.drafts = append(m.drafts, Draft{Record: r, Pieces: pieces, Form: m.forms[m.mark:len(m.forms):len(m.forms)]})
}

// get reads a fact of the record, or of its resource where the record is silent.
func (m *maker) get(r role) (audit.Value, bool) {
	if i := m.own.facts[r]; i > 0 {
		return m.own.attrs[i-1].Value, true
	}
	if i := m.shared.facts[r]; i > 0 {
		return m.shared.attrs[i-1].Value, true
	}
	return audit.Value{}, false
}

// has reports whether the source says anything of a role, be it in the record or beside it.
func (m *maker) has(r role) bool { return m.own.facts[r] != 0 || m.shared.facts[r] != 0 }

// str reads the first of some facts that says anything, as text.
func (m *maker) str(roles ...role) string {
	for _, r := range roles {
		if v, ok := m.get(r); ok {
			if s := v.Text(); s != "" {
				return m.keepText(v, s)
			}
		}
	}
	return ""
}

// keepText spares a copy where the text is the attribute's own string.
func (m *maker) keepText(v audit.Value, s string) string {
	if v.Kind == audit.KindString {
		return s
	}
	return m.keep(s)
}

// keep copies a string out of the export.
func (m *maker) keep(s string) string {
	if s == "" {
		return ""
	}
	if m.text.Cap()-m.text.Len() < len(s) {
		m.text = strings.Builder{}
		m.text.Grow(max(m.chunk, len(s)))
	}
	start := m.text.Len()
	m.text.WriteString(s)
	return m.text.String()[start:]
}

// keepBytes copies a string out of the export as bytes.
func (m *maker) keepBytes(s string) []byte {
	if len(s) > m.chunk/4 {
		return []byte(s)
	}
	if cap(m.bytes)-len(m.bytes) < len(s) {
		m.bytes = make([]byte, 0, m.chunk)
	}
	start := len(m.bytes)
	m.bytes = append(m.bytes, s...)
	return m.bytes[start:len(m.bytes):len(m.bytes)]
}

// room makes room for n attributes.
func (m *maker) room(n int) audit.Attrs {
	if n > len(m.attrs) {
		m.attrs = make([]audit.Attr, max(n, min(cap(m.drafts)*20, 1024)))
	}
	a := m.attrs[:0:n]
	m.attrs = m.attrs[n:]
	return a
}

func clip(a audit.Attrs) audit.Attrs { return a[:len(a):len(a)] }

func (l *list) flag(f string) {
	for _, have := range l.flags {
		if have == f {
			return
		}
	}
	l.flags = append(l.flags, f)
}

func (m *maker) oddFlags(l *list, odd wire.Odd) {
	if odd&wire.OddText != 0 {
		l.flag(audit.FlagInvalidText)
	}
	if odd&wire.OddValue != 0 {
		l.flag(audit.FlagMalformed)
	}
	if odd&wire.OddDepth != 0 {
		l.flag(audit.FlagTruncated)
	}
}
