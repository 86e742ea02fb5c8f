package normalise

import (
	"math"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// place puts a list of attributes where the allow list wants each: into the record, or beside it as content named
// prefix + name. Attributes that skip reports are left out.
func (m *maker) place(l *list, attrs []wire.Attr, prefix string, skip func(*wire.Attr, *nameInfo) bool) {
	if len(attrs) > mostAttrs {
		m.together(l, prefix, attrs[mostAttrs:])
		attrs = attrs[:mostAttrs]
	}
	if l.attrs == nil {
		l.attrs = m.room(len(attrs))
	}
	m.names.list++
	for i := range attrs {
		a := &attrs[i]
		info := m.names.info(a.Name)
		if skip != nil && skip(a, info) {
			continue
		}
		if m.left < 0 {
			m.together(l, prefix, m.unskipped(attrs[i:], skip))
			return
		}
		name, again := m.names.use(info)
		if again {
			l.flag(audit.FlagDuplicateAttribute)
		}
		if info.cut {
			l.flag(audit.FlagTruncated)
		}
		value, stays := m.value(&a.Value, info.disp)
		if !stays {
			m.piece(l, prefix, name, &a.Value, info.disp)
			if prefix != scopePrefix {
				m.beside(l, info.role, a)
			}
			continue
		}
		m.left -= weigh(name, value)
		if prefix == scopePrefix { // they stand with the resource's, and say nothing of who acted
			l.attrs = append(l.attrs, audit.Attr{Name: prefix + name, Value: value})
			continue
		}
		l.attrs = append(l.attrs, audit.Attr{Name: name, Value: value})
		if info.role != noRole {
			m.fact(l, info.role, len(l.attrs))
		}
	}
}

// unskipped is what a list has left over, without what stands elsewhere.
func (m *maker) unskipped(attrs []wire.Attr, skip func(*wire.Attr, *nameInfo) bool) []wire.Attr {
	return slices.DeleteFunc(slices.Clone(attrs), func(a wire.Attr) bool { return skip != nil && skip(&a, m.names.info(a.Name)) })
}

// weigh estimates the canonical bytes of an attribute.
func weigh(name string, v audit.Value) int {
	n := len(name) + len(v.Str()) + 12
	for _, i := range v.Items() {
		n += weigh("", i)
	}
	return n
}

// pieceWeight is about what a record says of a piece beside it, without its name.
const pieceWeight = 160

// together puts the attributes that are too many beside the record, as one piece.
func (m *maker) together(l *list, prefix string, rest []wire.Attr) {
	all := wire.NewMap(rest)
	m.piece(l, prefix, "attributes", &all, audit.Text)
	l.flag(audit.FlagTruncated)
}

// beside notes that the value of a role stands beside the record.
func (m *maker) beside(l *list, r role, a *wire.Attr) {
	if l.facts[r] == 0 {
		l.facts[r] = -1
	}
	if r == toolDetails && a.Value.Kind == audit.KindString {
		m.tools = append(m.tools, a.Value.Str)
	}
}

// fact notes where the value of a role stands. Of two in one list the later counts: what a user adds through the
// environment comes before what the client itself knows.
func (m *maker) fact(l *list, r role, at int) {
	before := l.facts[r]
	l.facts[r] = int16(at) // mostAttrs keeps it small
	if r < firstIdentity || r > lastIdentity {
		return
	}
	value := l.attrs[at-1].Value
	if before > 0 && !sameIdentity(r, l.attrs[before-1].Value, value) {
		l.flag(audit.FlagIdentityConflict)
	}
	if i := m.shared.facts[r]; i > 0 && !sameIdentity(r, m.shared.attrs[i-1].Value, value) {
		l.flag(audit.FlagIdentityConflict)
	}
}

// value makes the value that stays in the record, or reports that none may.
func (m *maker) value(v *wire.Value, disp audit.Disposition) (audit.Value, bool) {
	switch v.Kind {
	case audit.KindEmpty:
		return audit.Value{}, true
	case audit.KindString:
		if v.Str == "" || disp == audit.Keep && len(v.Str) <= audit.MaxKeptString && v.Str != Placeholder {
			return audit.String(m.keep(v.Str)), true
		}
		return audit.Value{}, false
	case audit.KindArray:
		return m.array(v, disp)
	}
	if disp == audit.Detail || disp == audit.Text {
		return audit.Value{}, false // digits can be a secret, too
	}
	switch v.Kind {
	case audit.KindBool:
		return audit.Bool(v.Num == 1), true
	case audit.KindInt:
		return audit.Int(int64(v.Num)), true
	case audit.KindDouble:
		return double(v), true
	}
	return audit.Value{}, false
}

// double spells out what JSON has no number for.
func double(v *wire.Value) audit.Value {
	switch f := math.Float64frombits(v.Num); {
	case math.IsNaN(f):
		return audit.String("NaN")
	case math.IsInf(f, 1):
		return audit.String("Infinity")
	case math.IsInf(f, -1):
		return audit.String("-Infinity")
	default:
		return audit.Double(f)
	}
}

// mostItems bounds an array that stays in a record.
const mostItems = 64

func (m *maker) array(v *wire.Value, disp audit.Disposition) (audit.Value, bool) {
	items := v.Items()
	if len(items) == 0 {
		return audit.Array(), true
	}
	if disp != audit.Keep || len(items) > mostItems {
		return audit.Value{}, false
	}
	for i := range items {
		if !items[i].IsScalar() || items[i].Str == Placeholder || len(items[i].Str) > audit.MaxKeptString {
			return audit.Value{}, false
		}
	}
	list := make([]audit.Value, len(items))
	for i := range items {
		list[i], _ = m.value(&items[i], disp)
	}
	return audit.Array(list...), true
}

// piece puts a value beside the record.
func (m *maker) piece(l *list, prefix, name string, v *wire.Value, disp audit.Disposition) {
	if v.Kind == audit.KindString && prefix != resourcePrefix && prefix != scopePrefix && m.copied(name, v) {
		return
	}
	class := disp.Class()
	if disp == audit.Keep { // too long, or of a kind no allowed value has: something else wearing the name
		class = audit.ClassText
		if v.Str != Placeholder {
			l.flag(audit.FlagTruncated)
		}
	}
	p := Piece{Name: prefix + name, Class: class, Kind: v.Kind}
	switch {
	case v.Kind == audit.KindString && v.Str == Placeholder:
		p.Withheld = audit.WithheldSource
	case v.Kind == audit.KindString:
		m.fill(l, &p, v.Str)
	case v.Kind == audit.KindBytes:
		p.Bytes = len(v.Str)
		p.Value = []byte(v.Str)
		if len(p.Value) > m.maxValue {
			p.Value, p.Truncated = p.Value[:m.maxValue], true
			l.flag(audit.FlagTruncated)
		}
	default:
		m.fill(l, &p, string(appendJSON(nil, v)))
	}
	m.keepPiece(l, p)
}

const (
	resourcePrefix = "resource."
	scopePrefix    = "scope."
)

// copied reports whether a text is the copy of a resource attribute, which clients put on every record: it is beside the
// record already.
func (m *maker) copied(name string, v *wire.Value) bool {
	for i := range m.resource {
		if a := &m.resource[i]; a.Name == name && a.Value.Equal(v) && v.Str != Placeholder {
			return true
		}
	}
	return false
}

// fill gives a piece its text, cut at the bound.
func (m *maker) fill(l *list, p *Piece, s string) {
	p.Bytes = len(s)
	if len(s) > m.maxValue {
		s = cutText(s, m.maxValue)
		p.Truncated = true
		l.flag(audit.FlagTruncated)
	}
	p.Value = m.keepBytes(s)
}

func (m *maker) keepPiece(l *list, p Piece) {
	m.left -= len(p.Name) + pieceWeight
	l.pieces = append(l.pieces, p)
}

// textPiece puts a text that is no attribute beside the record.
func (m *maker) textPiece(l *list, name string, class audit.Class, s string) {
	p := Piece{Name: name, Class: class, Kind: audit.KindString}
	if s == Placeholder {
		p.Withheld = audit.WithheldSource
	} else {
		m.fill(l, &p, s)
	}
	m.keepPiece(l, p)
}
