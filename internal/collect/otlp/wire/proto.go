package wire

import (
	"math"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Wire types of protobuf. Groups (3 and 4) are long deprecated and no part of OTLP.
const (
	typeVarint = 0
	typeI64    = 1
	typeLen    = 2
	typeI32    = 5
)

// message is a cursor over the fields of one protobuf message.
type message struct {
	s     string
	i     int
	field uint64 // of the field the cursor stands on
	typ   uint8
	bad   bool // the rest cannot be read
}

// next moves to the next field and reports whether there is one.
func (m *message) next() bool {
	if m.i >= len(m.s) || m.bad {
		return false
	}
	tag := m.varint()
	m.field, m.typ = tag>>3, uint8(tag&7)
	if m.field == 0 {
		m.bad = true
	}
	return !m.bad
}

func (m *message) fail() { m.bad, m.i = true, len(m.s) }

// varint is small enough to be inlined for the one-byte numbers that most are.
func (m *message) varint() uint64 {
	if m.i < len(m.s) && m.s[m.i] < 0x80 {
		m.i++
		return uint64(m.s[m.i-1])
	}
	return m.longVarint()
}

func (m *message) longVarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		if m.i >= len(m.s) {
			break
		}
		b := m.s[m.i]
		m.i++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	m.fail()
	return 0
}

func (m *message) bytes() string {
	n := m.varint()
	if m.bad || n > uint64(len(m.s)-m.i) {
		m.fail()
		return ""
	}
	b := m.s[m.i : m.i+int(n)]
	m.i += int(n)
	return b
}

func (m *message) fixed(n int) uint64 {
	if len(m.s)-m.i < n {
		m.fail()
		return 0
	}
	var v uint64
	for k := range n {
		v |= uint64(m.s[m.i+k]) << (8 * k)
	}
	m.i += n
	return v
}

func (m *message) skip() {
	switch m.typ {
	case typeVarint:
		m.varint()
	case typeI64:
		m.fixed(8)
	case typeLen:
		m.bytes()
	case typeI32:
		m.fixed(4)
	default:
		m.fail()
	}
}

// The readers below read the field the cursor stands on. One of another wire type than the protocol says is skipped and
// noted: it is somebody's mistake in one field, and no reason to lose the rest.

func (d *decoder) is(m *message, typ uint8) bool {
	if m.typ == typ {
		return true
	}
	d.odd |= OddValue
	m.skip()
	return false
}

func (d *decoder) len(m *message) (string, bool) {
	if !d.is(m, typeLen) {
		return "", false
	}
	b := m.bytes()
	return b, !m.bad
}

func (d *decoder) string(m *message) string {
	b, _ := d.len(m)
	return d.text(b)
}

func (d *decoder) uint(m *message) uint64 {
	if !d.is(m, typeVarint) {
		return 0
	}
	return m.varint()
}

func (d *decoder) u64(m *message) uint64 {
	if !d.is(m, typeI64) {
		return 0
	}
	return m.fixed(8)
}

func (d *decoder) u32(m *message) uint32 {
	if !d.is(m, typeI32) {
		return 0
	}
	return uint32(m.fixed(4))
}

func (d *decoder) idField(m *message) string {
	b, _ := d.len(m)
	return d.id(b)
}

// done notes a message whose end could not be read; what came before it is kept.
func (d *decoder) done(m *message) {
	if m.bad {
		d.odd |= OddValue
	}
}

// count tells how many length-delimited fields of that number a message has, so that room is made once and in bounds.
func count(s string, field uint64) int {
	n := 0
	for m := (message{s: s}); m.next(); m.skip() {
		if m.field == field && m.typ == typeLen {
			n++
		}
	}
	return n
}

// protoAttr reads one KeyValue.
func (d *decoder) protoAttr(s string, depth int) (a Attr) {
	m := message{s: s}
	for m.next() {
		switch m.field {
		case 1:
			a.Name = d.string(&m)
		case 2:
			if b, ok := d.len(&m); ok {
				a.Value = d.protoValue(b, depth)
			}
		default:
			m.skip()
		}
	}
	d.done(&m)
	return a
}

// protoValue reads one AnyValue.
func (d *decoder) protoValue(s string, depth int) (v Value) {
	m := message{s: s}
	for m.next() {
		switch m.field {
		case 1:
			v = Value{Kind: audit.KindString, Str: d.string(&m)}
		case 2:
			v = Value{Kind: audit.KindBool}
			if d.uint(&m) != 0 {
				v.Num = 1
			}
		case 3:
			v = Value{Kind: audit.KindInt, Num: d.uint(&m)}
		case 4:
			v = Value{Kind: audit.KindDouble, Num: d.u64(&m)}
		case 5:
			if b, ok := d.len(&m); ok {
				v = d.protoList(b, depth, audit.KindArray)
			}
		case 6:
			if b, ok := d.len(&m); ok {
				v = d.protoList(b, depth, audit.KindMap)
			}
		case 7:
			b, _ := d.len(&m)
			v = Value{Kind: audit.KindBytes, Str: b}
		default:
			m.skip()
		}
	}
	d.done(&m)
	return v
}

// protoList reads an ArrayValue or a KeyValueList.
func (d *decoder) protoList(s string, depth int, kind audit.Kind) Value {
	v := Value{Kind: kind}
	n := count(s, 1)
	if n == 0 {
		return v
	}
	if depth >= d.lim.MaxDepth {
		d.odd |= OddDepth
		return v
	}
	if !d.spend(n) {
		return v
	}
	v.list = &nested{}
	if kind == audit.KindMap {
		v.list.fields = make([]Attr, 0, n)
	} else {
		v.list.items = make([]Value, 0, n)
	}
	m := message{s: s}
	for m.next() {
		if m.field != 1 || m.typ != typeLen {
			m.skip()
			continue
		}
		b := m.bytes()
		if m.bad {
			break
		}
		if kind == audit.KindMap {
			v.list.fields = append(v.list.fields, d.protoAttr(b, depth+1))
		} else {
			v.list.items = append(v.list.items, d.protoValue(b, depth+1))
		}
	}
	d.done(&m)
	return v
}

// itemProto says where the items of one signal stand in a ScopeLogs, ScopeMetrics or ScopeSpans, and how one is read.
type itemProto[T any] struct {
	read    func(d *decoder, s string, into *T)
	records bool // an item is a record
}

// decodeProto reads an export request of any signal: they share their outer three layers, field numbers included. An
// error of framing out there means that this is no OTLP; within an item it costs no more than the rest of that item.
func decodeProto[T any](d *decoder, body string, item itemProto[T]) ([]Group[T], error) {
	n := count(body, 1)
	if !d.spend(n) || (!item.records && !d.spendRecords(n)) {
		return nil, ErrTooMany
	}
	groups := make([]Group[T], 0, n)
	m := message{s: body}
	for m.next() {
		if m.field != 1 || m.typ != typeLen {
			m.skip()
			continue
		}
		b := m.bytes()
		if m.bad {
			break
		}
		var g Group[T]
		if !decodeGroup(d, b, &g, item) {
			return nil, d.refusal("a resource that cannot be read", m.i)
		}
		groups = append(groups, g)
	}
	if m.bad || d.over {
		return nil, d.refusal("a message that cannot be read", m.i)
	}
	return groups, nil
}

func (d *decoder) refusal(what string, offset int) error {
	if d.over {
		return ErrTooMany
	}
	return notOTLP(what, offset)
}

func decodeGroup[T any](d *decoder, s string, g *Group[T], item itemProto[T]) bool {
	n := count(s, 2)
	if !d.spend(n) {
		return false
	}
	g.Scopes = make([]Scope[T], 0, n)
	m := message{s: s}
	for m.next() {
		switch {
		case m.field == 1 && m.typ == typeLen:
			d.resourceProto(m.bytes(), &g.Resource, &g.Dropped)
			g.Odd |= d.takeOdd()
		case m.field == 2 && m.typ == typeLen:
			var sc Scope[T]
			if b := m.bytes(); m.bad || !decodeScope(d, b, &sc, item) {
				return false
			}
			g.Scopes = append(g.Scopes, sc)
		case m.field == 3:
			g.SchemaURL = d.string(&m)
			g.Odd |= d.takeOdd()
		default:
			m.skip()
		}
	}
	return !m.bad && !d.over
}

func (d *decoder) resourceProto(s string, attrs *[]Attr, dropped *uint32) {
	*attrs = d.attrs(count(s, 1))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			if b, ok := d.len(&m); ok {
				*attrs = append(*attrs, d.protoAttr(b, 1))
			}
		case 2:
			*dropped = uint32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
}

func decodeScope[T any](d *decoder, s string, sc *Scope[T], item itemProto[T]) bool {
	n := count(s, 2)
	if item.records {
		if !d.spendRecords(n) {
			return false
		}
	} else if !d.spend(n) {
		return false
	}
	sc.Items = make([]T, n)
	k := 0
	m := message{s: s}
	for m.next() && !d.over {
		switch {
		case m.field == 1 && m.typ == typeLen:
			d.scopeProto(m.bytes(), &sc.Name, &sc.Version, &sc.Attrs, &sc.Dropped)
			sc.Odd |= d.takeOdd()
		case m.field == 2 && m.typ == typeLen:
			b := m.bytes()
			if m.bad {
				return false
			}
			item.read(d, b, &sc.Items[k])
			k++
		case m.field == 3:
			sc.SchemaURL = d.string(&m)
			sc.Odd |= d.takeOdd()
		default:
			m.skip()
		}
	}
	sc.Items = sc.Items[:k]
	return !m.bad && !d.over
}

func (d *decoder) scopeProto(s string, name, version *string, attrs *[]Attr, dropped *uint32) {
	*attrs = d.attrs(count(s, 3))
	m := message{s: s}
	for m.next() && !d.over {
		switch m.field {
		case 1:
			*name = d.string(&m)
		case 2:
			*version = d.string(&m)
		case 3:
			if b, ok := d.len(&m); ok {
				*attrs = append(*attrs, d.protoAttr(b, 1))
			}
		case 4:
			*dropped = uint32(d.uint(&m))
		default:
			m.skip()
		}
	}
	d.done(&m)
}

func double(f float64) Value { return Value{Kind: audit.KindDouble, Num: math.Float64bits(f)} }
