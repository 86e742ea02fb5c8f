package messages

import (
	"github.com/go-json-experiment/json/jsontext"
)

// mode says what names mean where a value stands.
type mode uint8

const (
	nested mode = iota // inside a block: names mean what the API means by them
	input              // inside the arguments of a tool: names and values are the model's own
	schema             // inside the definition of a tool's arguments: names are its author's
)

// blockObject reads a block that is an object. plain is where its text stands, if it is a text block and nothing else.
func (r *reader) blockObject(b *Block) (plain span, err error) {
	only, declared := true, ""
	o := object{}
	err = r.each(func(name string, at int) (err error) {
		switch name {
		case "type":
			declared, err = r.str()
			o.kind = declared
		case "text":
			if r.dec.PeekKind() != '"' {
				only = false
			}
			plain = span{r.next(), 0}
			err = r.value(b, "text", nested, 1)
			plain.end = r.at()
		case "cache_control":
			if err = r.skip(); err == nil {
				r.cut(at)
			}
		default:
			only = false
			err = r.blockMember(b, &o, name)
		}
		return err
	})
	if err != nil {
		return span{}, err
	}
	if declared != "" {
		b.Type = declared
	}
	b.caps |= capabilityOf(b)
	if !only || b.Type != "text" {
		plain = span{}
	}
	return plain, r.data(b, &o)
}

// blockMember reads a member of a block that is neither its type nor its text.
func (r *reader) blockMember(b *Block, o *object, name string) (err error) {
	switch name {
	case "id", "tool_use_id":
		b.ID, err = r.str()
	case "name":
		b.Tool, err = r.str()
	case "server_name", "mcp_server_name":
		b.Server, err = r.str()
	case "is_error":
		b.IsError = r.dec.PeekKind() == 't'
		err = r.skip()
	case "input":
		b.in0 = r.next()
		if err = r.value(b, "input", input, 1); err == nil {
			b.in1 = r.at()
			b.Input = r.body[b.in0:b.in1:b.in1]
		}
	case "input_schema":
		err = r.value(b, "schema", schema, 1)
	default:
		err = r.known(b, o, name, 1)
	}
	return err
}

// object is what must be known of a whole object before one of its members can be understood.
type object struct {
	kind, media string
	data        span // of a string under the name "data"
}

// known reads a member of an object of the API, at any depth.
func (r *reader) known(b *Block, o *object, name string, depth int) (err error) {
	switch name {
	case "type":
		o.kind, err = r.str()
		return err
	case "media_type":
		o.media, err = r.str()
		return err
	case "data":
		if r.dec.PeekKind() == '"' {
			o.data = span{r.next(), 0}
			err = r.skip()
			o.data.end = r.at()
			return err
		}
	case "file_id":
		b.caps |= capFiles
		return r.skip()
	case "id", "tool_use_id", "tool_id", "signature", "encrypted_content", "encrypted_index", "encrypted_stdout", "authorization_token":
		return r.skip()
	}
	return r.value(b, name, nested, depth)
}

// value reads a value of a block and keeps the strings in it.
func (r *reader) value(b *Block, what string, m mode, depth int) error {
	if depth > maxDepth {
		return &Malformed{int64(r.next()), reasonDepth}
	}
	switch r.dec.PeekKind() {
	case '"':
		return r.text(b, what)
	case '[':
		if _, err := r.dec.ReadToken(); err != nil {
			return r.wrong(err)
		}
		for r.dec.PeekKind() != ']' {
			if err := r.value(b, what, m, depth+1); err != nil {
				return err
			}
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return r.wrong(err)
		}
		return nil
	case '{':
		if m == nested {
			return r.object(b, depth)
		}
		return r.each(func(name string, at int) error {
			if m == input && name != "" {
				if err := r.keep(b, Text{"name", name, at, r.at()}); err != nil {
					return err
				}
			}
			return r.value(b, what, m, depth+1)
		})
	}
	return r.skip()
}

// object reads an object of the API inside a block.
func (r *reader) object(b *Block, depth int) error {
	var o object
	err := r.each(func(name string, at int) error {
		if name != "cache_control" {
			return r.known(b, &o, name, depth+1)
		}
		if err := r.skip(); err != nil {
			return err
		}
		r.cut(at)
		return nil
	})
	if err != nil {
		return err
	}
	return r.data(b, &o)
}

// data decides what a string under the name "data" is, once the object it stands in is known.
func (r *reader) data(b *Block, o *object) error {
	if o.kind == "file" {
		b.caps |= capFiles
	}
	if o.data.end == 0 || o.kind == "redacted_thinking" {
		return nil
	}
	raw := r.body[o.data.start:o.data.end]
	if o.kind == "base64" || o.media != "" && o.kind != "text" {
		b.Media = append(b.Media, media(o.media, raw, o.data))
		return nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return malformed(o.data.start, r.body, err)
	}
	if len(text) == 0 {
		return nil
	}
	return r.keep(b, Text{"data", string(text), o.data.start, o.data.end})
}

// text reads a string a model reads.
func (r *reader) text(b *Block, what string) error {
	start := r.next()
	s, err := r.str()
	if err != nil || s == "" {
		return err
	}
	return r.keep(b, Text{what, s, start, r.at()})
}

func (r *reader) keep(b *Block, t Text) error {
	if r.texts++; r.texts > maxTexts {
		return &Malformed{int64(t.Start), reasonCount}
	}
	b.Texts = append(b.Texts, t)
	return nil
}
