package messages

import (
	"crypto/sha256"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// bare are the fields of the top level that hold no text a model reads. They are short and read anew each time.
var bare = map[string]func(*reader) error{
	"model":    func(r *reader) (err error) { r.req.Model, err = r.str(); return err },
	"stream":   func(r *reader) error { r.req.Stream = r.dec.PeekKind() == 't'; return r.skip() },
	"metadata": (*reader).metadata,

	"max_tokens": (*reader).skip, "temperature": (*reader).skip, "top_k": (*reader).skip, "top_p": (*reader).skip,
	"thinking": (*reader).skip, "service_tier": (*reader).skip, "speed": (*reader).skip, "inference_geo": (*reader).skip,
	"diagnostics": (*reader).skip, "cache_control": (*reader).skip, "fallback_credit_token": (*reader).skip,
	"context_management": (*reader).skip,
}

func (r *reader) skip() error {
	if err := r.dec.SkipValue(); err != nil {
		return r.wrong(err)
	}
	return nil
}

// str reads a string; any other value is passed over and "".
func (r *reader) str() (string, error) {
	if r.dec.PeekKind() != '"' {
		return "", r.skip()
	}
	tok, err := r.dec.ReadToken()
	if err != nil {
		return "", r.wrong(err)
	}
	return tok.String(), nil
}

func (r *reader) metadata() error {
	return r.each(func(name string, _ int) error {
		if name != "user_id" {
			return r.skip()
		}
		id, err := r.str()
		r.req.Identity = ReadIdentity(id)
		return err
	})
}

// each walks the members of an object; any other value is passed over. at is where the name begins.
func (r *reader) each(member func(name string, at int) error) error {
	if r.dec.PeekKind() != '{' {
		return r.skip()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.wrong(err)
	}
	for r.dec.PeekKind() != '}' {
		at := r.next()
		raw, err := r.dec.ReadValue()
		if err != nil {
			return r.wrong(err)
		}
		name, err := memberName(raw)
		if err != nil {
			return r.wrong(err)
		}
		if err := member(name, at); err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.wrong(err)
	}
	return nil
}

// memberName decodes a name, sparing a copy of those that come all the time.
func memberName(raw jsontext.Value) (string, error) {
	if len(raw) >= 2 {
		if name, ok := usualNames[string(raw[1:len(raw)-1])]; ok {
			return name, nil
		}
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err
}

var usualNames = func() map[string]string {
	m := make(map[string]string)
	for _, n := range []string{
		"type", "text", "thinking", "signature", "content", "role", "id", "name", "input", "tool_use_id", "is_error", "cache_control", "source",
		"data", "media_type", "url", "title", "context", "citations", "description", "input_schema", "properties", "items", "required", "enum",
		"default", "anyOf", "additionalProperties", "$schema", "command", "file_path", "server_name", "file_id", "ttl", "minimum", "maximum",
	} {
		m[n] = n
	}
	return m
}()

// message reads one element of messages.
func (r *reader) message(i int) error {
	first := len(r.req.Blocks)
	if r.dec.PeekKind() != '{' {
		return r.block(Block{Part: Message, Message: i, Index: 0})
	}
	role := ""
	err := r.each(func(name string, _ int) (err error) {
		switch name {
		case "role":
			role, err = r.str()
			return err
		case "content":
			return r.content(i)
		case "id", "type", "model", "stop_reason", "stop_sequence", "usage", "cache_control", "output_config":
			return r.skip()
		}
		return r.named(Block{Part: Message, Message: i, Index: -1, Type: name})
	})
	for k := range r.req.Blocks[first:] {
		r.req.Blocks[first+k].Role = role
	}
	return err
}

func (r *reader) content(message int) error {
	switch r.dec.PeekKind() {
	case 'n':
		return r.skip()
	case '[':
	default:
		return r.block(Block{Part: Message, Message: message})
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.wrong(err)
	}
	for i := 0; r.dec.PeekKind() != ']'; i++ {
		if err := r.block(Block{Part: Message, Message: message, Index: i}); err != nil {
			return err
		}
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.wrong(err)
	}
	return nil
}

// field reads a top-level field that nobody here knows, or that a model may read.
func (r *reader) field(name string) error {
	b := Block{Part: Field, Message: -1, Type: name}
	switch k := r.dec.PeekKind(); {
	case k == 'n':
	case name == "mcp_servers":
		b.caps = capMCPServers
	case name == "container":
		b.caps = capContainer
	}
	return r.named(b)
}

// named reads a block whose type is the name it stands under, and keeps it where there is something in it to read.
func (r *reader) named(b Block) error {
	b.Start, r.cuts = r.next(), r.cuts[:0]
	if err := r.value(&b, b.Type, nested, 0); err != nil {
		return err
	}
	if b.End = r.at(); len(b.Texts) == 0 && len(b.Media) == 0 && b.caps == 0 {
		return nil
	}
	return r.finish(&b, span{})
}

// block reads one block of a list, or a bare string in its place.
func (r *reader) block(b Block) error {
	b.Start, r.cuts = r.next(), r.cuts[:0]
	switch r.dec.PeekKind() {
	case '"':
		b.Type = "text"
		if err := r.text(&b, "text"); err != nil {
			return err
		}
		b.End = r.at()
		return r.finish(&b, span{b.Start, b.End})
	case '{':
		plain, err := r.blockObject(&b)
		if err != nil {
			return err
		}
		b.End = r.at()
		return r.finish(&b, plain)
	}
	if err := r.value(&b, "", nested, 0); err != nil {
		return err
	}
	b.End = r.at()
	return r.finish(&b, span{})
}

// finish computes the hash of a block and keeps it. plain is where its text stands, of a block that has nothing else.
func (r *reader) finish(b *Block, plain span) error {
	if len(r.req.Blocks) >= maxBlocks {
		return &Malformed{int64(b.Start), reasonCount}
	}
	if !slices.IsSortedFunc(b.Texts, byStart) {
		slices.SortFunc(b.Texts, byStart)
	}
	h := sha256.New()
	if plain.end > 0 {
		h.Write([]byte(`{"type":"text","text":`))
		h.Write(r.body[plain.start:plain.end])
		h.Write([]byte{'}'})
	} else {
		pos := b.Start
		for _, cut := range r.cuts {
			h.Write(r.body[pos:cut.start])
			pos = cut.end
		}
		h.Write(r.body[pos:b.End])
	}
	h.Sum(b.Hash[:0])
	r.req.Blocks = append(r.req.Blocks, *b)
	return nil
}

func byStart(a, b Text) int { return a.Start - b.Start }

// cut marks a member of the block as no part of its hash, with the comma that sets it apart.
func (r *reader) cut(at int) {
	c := span{at, r.at()}
	before := c.start - 1
	for before > 0 && strings.IndexByte(" \t\r\n", r.body[before]) >= 0 {
		before--
	}
	if r.body[before] == ',' {
		c.start = before
	} else if after := r.space(c.end); after < len(r.body) && r.body[after] == ',' {
		c.end = after + 1
	}
	r.cuts = append(r.cuts, c)
}
