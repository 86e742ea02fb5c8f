package normalise

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
)

const (
	mostAttrs = 128       // of one row; further values stand beside the record, in its row
	mostItems = 64        // of a list that stays in the record
	deepest   = 3         // dicts within each other that become attributes of their own
	mostValue = 256 << 10 // bytes of one piece, except for the row
)

// maker makes one record.
type maker struct {
	rec    *audit.Record
	pieces []Piece
	names  map[string]int
}

// details puts everything else the row says where the allow list wants it.
func (m *maker) details(r *file.Row, c *cells) {
	m.scalar("client_platform", known(r.Platform))
	m.scalar("user_agent", known(r.UserAgent))
	m.spread("entity_info", c.entity, nil)
	m.spread("event_info", c.info, nil)
	m.spread("actor_info", c.actor.value, func(name string, v file.Value) bool { // what stands as the account
		return name == "actor_info.uuid" && c.actor.id != "" || name == "actor_info.metadata.email_address" && c.actor.email != ""
	})
	for _, o := range r.Others {
		m.scalar(o.Name, known(o.Value))
	}
	m.pieces = append(m.pieces, Piece{Name: "row", Class: audit.ClassText, Kind: audit.KindBytes, Value: []byte(r.Raw), Bytes: len(r.Raw)})
}

// spread puts the values of a cell under names of their own.
func (m *maker) spread(name string, v parsed, skip func(string, file.Value) bool) {
	m.place(name, v.Value, skip, 0)
}

func (m *maker) place(name string, v file.Value, skip func(string, file.Value) bool, depth int) {
	if v.Absent() || skip != nil && skip(name, v) {
		return
	}
	if v.Kind == file.Dict && depth < deepest && !slices.ContainsFunc(v.Keys, func(k string) bool { return !file.IsName(k) }) {
		for i, key := range v.Keys {
			m.place(name+"."+key, v.Items[i], skip, depth+1)
		}
		return
	}
	if kept, ok := m.keep(name, v); ok && len(m.rec.Attributes) < mostAttrs {
		m.attr(name, kept)
		return
	}
	m.beside(name, v)
}

// keep makes the value that stays in the record, or reports that none may.
func (m *maker) keep(name string, v file.Value) (audit.Value, bool) {
	disposition := allowList[name]
	switch v.Kind {
	case file.String:
		return audit.String(v.Str), disposition == audit.Keep && stays(name, v.Str)
	case file.List:
		if disposition != audit.Keep || len(v.Items) > mostItems {
			return audit.Value{}, false
		}
		list := make([]audit.Value, len(v.Items))
		for i, item := range v.Items {
			if item.Kind != file.String || !stays(name, item.Str) {
				return audit.Value{}, false
			}
			list[i] = audit.String(item.Str)
		}
		return audit.Array(list...), true
	}
	if disposition == audit.Detail || disposition == audit.Text { // digits can be a telephone number
		return audit.Value{}, false
	}
	switch v.Kind {
	case file.Bool:
		return audit.Bool(v.True), true
	case file.Int:
		return audit.Int(v.Int), true
	case file.Float:
		return audit.Double(v.Float), true
	}
	return audit.Value{}, false
}

// stays reports whether an allowed text looks like what it should be: an identifier, an address, a word of the vendor's. A
// sentence is something else under that name.
func stays(name, s string) bool {
	return len(s) <= audit.MaxKeptString && (name == "user_agent" || file.IsName(s) || isEmail(s))
}

// beside puts a value beside the record, as content.
func (m *maker) beside(name string, v file.Value) {
	if len(m.pieces) >= mostAttrs { // the row has it
		m.rec.Flag(audit.FlagTruncated)
		return
	}
	p := Piece{Name: m.name(name), Class: allowList[name].Class(), Kind: kindOf(v.Kind)}
	if allowList[name] == audit.Keep { // too long, or not what it should be: something else under that name
		p.Class = audit.ClassText
		m.rec.Flag(audit.FlagMalformed)
	}
	if v.Kind == file.String {
		p.Value = []byte(v.Str)
	} else {
		p.Value = v.AppendJSON(nil)
	}
	if p.Bytes = len(p.Value); p.Bytes > mostValue {
		p.Value, p.Truncated = []byte(cut(string(p.Value), mostValue)), true
		m.rec.Flag(audit.FlagTruncated)
	}
	m.pieces = append(m.pieces, p)
}

func kindOf(k file.Kind) audit.Kind {
	switch k {
	case file.Bool:
		return audit.KindBool
	case file.Int:
		return audit.KindInt
	case file.Float:
		return audit.KindDouble
	case file.String:
		return audit.KindString
	case file.List:
		return audit.KindArray
	case file.Dict:
		return audit.KindMap
	}
	return audit.KindEmpty
}

// scalar places a cell that holds a text.
func (m *maker) scalar(name, value string) {
	if value != "" {
		m.place(name, file.Value{Kind: file.String, Str: value}, nil, 0)
	}
}

// text puts a text beside the record.
func (m *maker) text(name, value string) {
	if value != "" {
		m.beside(name, file.Value{Kind: file.String, Str: value})
	}
}

func (m *maker) attr(name string, v audit.Value) {
	m.rec.Attributes = append(m.rec.Attributes, audit.Attr{Name: m.name(name), Value: v})
}

// name bounds a name, and tells apart one that comes again.
func (m *maker) name(name string) string {
	if len(name) > audit.MaxName {
		name = cut(name, audit.MaxName)
		m.rec.Flag(audit.FlagTruncated)
	}
	if m.names == nil {
		m.names = make(map[string]int)
	}
	if m.names[name]++; m.names[name] > 1 {
		m.rec.Flag(audit.FlagDuplicateAttribute)
		name += "#" + strconv.Itoa(m.names[name])
	}
	return name
}

// cut cuts valid UTF-8 to at most n bytes, never inside a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
