package messages

import (
	"bytes"
	"crypto/sha256"

	"github.com/go-json-experiment/json/jsontext"
)

// Read reads a request body. The body must not change while the request is in use: blocks refer to it. An error is a
// *Malformed.
func Read(body []byte) (*Request, error) {
	r, err := read(body, nil)
	if err != nil {
		return nil, err
	}
	return r.req, nil
}

// reader reads one body. The top level and its lists are walked by hand, so that a part that is known from an earlier
// body is passed over without being read again; everything below is read by a strict decoder that is set on its first
// byte.
type reader struct {
	body []byte
	req  *Request
	dec  *jsontext.Decoder
	base int // where the decoder was set

	members map[string]unit   // of the top level
	units   map[string][]unit // elements of the lists of the top level
	texts   int
	cuts    []span // of the block being read

	old   *reader // of the earlier body; nil without
	taken []bool  // which of its blocks stand here in the same place
}

// unit is a part of a body that can be known again by its bytes alone, and the blocks it holds.
type unit struct{ start, end, first, last int }

type span struct{ start, end int }

func read(body []byte, old *reader) (*reader, error) {
	r := &reader{
		body: body, old: old, req: &Request{Digest: sha256.Sum256(body)}, dec: jsontext.NewDecoder(bytes.NewBuffer(nil)),
		members: make(map[string]unit, 16), units: make(map[string][]unit, 3),
	}
	if old != nil {
		r.req.Blocks = make([]Block, 0, len(old.req.Blocks)+8)
		r.taken = make([]bool, len(old.req.Blocks))
	}
	if err := r.top(); err != nil {
		return nil, err
	}
	r.conclude()
	r.old = nil
	return r, nil
}

// conclude fills in what follows from the blocks.
func (r *reader) conclude() {
	if len(r.req.Blocks) == 0 {
		r.req.Blocks = nil
	}
	var caps capability
	for i := range r.req.Blocks {
		b := &r.req.Blocks[i]
		caps |= b.caps
		if b.Part == System && b.Index == 0 && len(b.Texts) > 0 {
			r.req.Billing = billing(b.Texts[0].Value)
		}
	}
	r.req.Capabilities = caps.names()
	r.req.Messages = len(r.units["messages"])
}

// top walks the object that a body is.
func (r *reader) top() error {
	pos := r.space(0)
	if pos == len(r.body) || r.body[pos] != '{' {
		return &Malformed{int64(pos), reasonObject}
	}
	pos = r.space(pos + 1)
	if pos < len(r.body) && r.body[pos] == '}' {
		return r.trailing(pos + 1)
	}
	for {
		name, next, err := r.name(pos)
		if err != nil {
			return err
		}
		if pos, err = r.member(name, next); err != nil {
			return err
		}
		more, next, err := r.delimiter(pos, '}')
		if err != nil {
			return err
		}
		if !more {
			return r.trailing(next)
		}
		pos = next
	}
}

// name reads the name of a member, and finds the beginning of its value.
func (r *reader) name(pos int) (name string, value int, err error) {
	r.set(pos)
	if r.dec.PeekKind() != '"' {
		return "", 0, r.unexpected(pos)
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return "", 0, r.wrong(err)
	}
	name = tok.String()
	if _, twice := r.members[name]; twice {
		return "", 0, &Malformed{int64(pos), reasonDuplicate}
	}
	pos = r.space(r.at())
	if pos == len(r.body) || r.body[pos] != ':' {
		return "", 0, r.unexpected(pos)
	}
	return name, r.space(pos + 1), nil
}

// member reads one member of the top level and returns where it ends.
func (r *reader) member(name string, pos int) (int, error) {
	u := unit{start: pos, first: len(r.req.Blocks)}
	var err error
	switch name {
	case "messages", "system", "tools":
		if pos < len(r.body) && r.body[pos] == '[' {
			u.end, err = r.list(name, pos)
		} else if old, ok := r.again(name, pos); ok {
			u.end, err = r.reuse(old, pos)
		} else {
			u.end, err = r.lone(name, pos)
		}
	default:
		if old, ok := r.again(name, pos); ok && bare[name] == nil {
			u.end, err = r.reuse(old, pos)
			break
		}
		r.set(pos)
		if read := bare[name]; read != nil {
			err = read(r)
		} else {
			err = r.field(name)
		}
		u.end = r.at()
	}
	if err != nil {
		return 0, err
	}
	u.last = len(r.req.Blocks)
	r.members[name] = u
	return u.end, nil
}

// list walks a list of the top level, element by element.
func (r *reader) list(name string, pos int) (int, error) {
	pos = r.space(pos + 1)
	units := r.units[name]
	if r.old != nil {
		units = make([]unit, 0, len(r.old.units[name])+4)
	}
	defer func() { r.units[name] = units }()
	if pos < len(r.body) && r.body[pos] == ']' {
		return pos + 1, nil
	}
	for i := 0; ; i++ {
		u := unit{start: pos, first: len(r.req.Blocks)}
		var err error
		if old, ok := r.elementAgain(name, i, pos); ok {
			u.end, err = r.reuse(old, pos)
		} else {
			r.set(pos)
			err = r.element(name, i)
			u.end = r.at()
		}
		if err != nil {
			return 0, err
		}
		u.last = len(r.req.Blocks)
		units = append(units, u)
		more, next, err := r.delimiter(u.end, ']')
		if err != nil {
			return 0, err
		}
		if !more {
			return next, nil
		}
		pos = next
	}
}

func (r *reader) element(name string, i int) error {
	switch name {
	case "messages":
		return r.message(i)
	case "system":
		return r.block(Block{Part: System, Message: -1, Index: i, Role: "system"})
	}
	return r.block(Block{Part: Tools, Message: -1, Index: i, Type: "custom"})
}

// lone reads what should be a list and is none: a system prompt that is a string, and what no version of the API has.
func (r *reader) lone(name string, pos int) (int, error) {
	r.set(pos)
	var err error
	if name == "system" {
		err = r.block(Block{Part: System, Message: -1, Role: "system"})
	} else {
		err = r.field(name)
	}
	return r.at(), err
}

// set puts the decoder on a byte of the body.
func (r *reader) set(pos int) {
	r.base = pos
	r.dec.Reset(bytes.NewBuffer(r.body[pos:]))
}

// at is where the decoder stands: behind what it read last.
func (r *reader) at() int { return r.base + int(r.dec.InputOffset()) }

// next is where the decoder's next token begins.
func (r *reader) next() int {
	pos := r.at()
	for pos < len(r.body) {
		switch r.body[pos] {
		case ' ', '\t', '\r', '\n', ',', ':':
			pos++
		default:
			return pos
		}
	}
	return pos
}

func (r *reader) space(pos int) int {
	for pos < len(r.body) {
		switch r.body[pos] {
		case ' ', '\t', '\r', '\n':
			pos++
		default:
			return pos
		}
	}
	return pos
}

// delimiter passes over a comma, or over the end of the object or list.
func (r *reader) delimiter(pos int, end byte) (more bool, next int, err error) {
	if pos = r.space(pos); pos < len(r.body) {
		switch r.body[pos] {
		case ',':
			return true, r.space(pos + 1), nil
		case end:
			return false, pos + 1, nil
		}
	}
	return false, 0, r.unexpected(pos)
}

func (r *reader) trailing(pos int) error {
	if pos = r.space(pos); pos < len(r.body) {
		return &Malformed{int64(pos), reasonTrailing}
	}
	return nil
}

func (r *reader) unexpected(pos int) error {
	if pos >= len(r.body) {
		return &Malformed{int64(len(r.body)), reasonEarly}
	}
	return &Malformed{int64(pos), reasonSyntax}
}

func (r *reader) wrong(err error) error { return malformed(r.base, r.body, err) }
