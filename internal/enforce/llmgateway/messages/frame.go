package messages

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

// frame is one event of a stream, as far as anybody here reads it. What it refers to is the event's own memory, or that of
// the frames it was read by.
type frame struct {
	kind  string
	index int
	delta delta

	message, block, usage, fault, request jsontext.Value // as they stand
}

// delta is what a content_block_delta or message_delta adds.
type delta struct {
	text, partial     []byte // decoded
	stop              string
	citation, content jsontext.Value
}

// frames reads events, one after the other. They come by the hundred in each answer, nearly all of them deltas.
type frames struct {
	dec     *jsontext.Decoder
	data    []byte // of the event
	frame   frame
	decoded []byte
}

// read reads an event strictly. Members of another shape than expected are none: tomorrow's shapes are no errors.
func (f *frames) read(data []byte) (*frame, error) {
	if src := bytes.NewBuffer(data); f.dec == nil {
		f.dec = jsontext.NewDecoder(src)
	} else {
		f.dec.Reset(src)
	}
	f.data, f.frame, f.decoded = data, frame{}, f.decoded[:0]
	if err := f.members(f.member); err != nil {
		return nil, err
	}
	if _, err := f.dec.ReadToken(); err != io.EOF { // nothing may stand behind
		if err == nil {
			err = &jsontext.SyntacticError{ByteOffset: f.dec.InputOffset()}
		}
		return nil, err
	}
	return &f.frame, nil
}

// members walks an object; any other value is passed over.
func (f *frames) members(member func(name []byte) error) error {
	if f.dec.PeekKind() != '{' {
		return f.dec.SkipValue()
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	var scratch [64]byte
	for f.dec.PeekKind() != '}' {
		raw, err := f.value()
		if err != nil {
			return err
		}
		name, err := jsontext.AppendUnquote(scratch[:0], raw)
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}

func (f *frames) member(name []byte) (err error) {
	x := &f.frame
	switch string(name) {
	case "type":
		x.kind, err = f.word()
	case "index":
		x.index, err = f.number()
	case "delta":
		return f.members(f.deltaMember)
	case "message":
		x.message, err = f.value()
	case "content_block":
		x.block, err = f.value()
	case "usage":
		x.usage, err = f.value()
	case "error":
		x.fault, err = f.value()
	case "request_id":
		x.request, err = f.value()
	default:
		err = f.dec.SkipValue()
	}
	return err
}

func (f *frames) deltaMember(name []byte) (err error) {
	d := &f.frame.delta
	switch string(name) {
	case "text", "thinking":
		var s []byte
		if s, err = f.str(); len(s) > 0 {
			d.text = s
		}
	case "partial_json":
		d.partial, err = f.str()
	case "stop_reason":
		d.stop, err = f.word()
	case "citation":
		d.citation, err = f.value()
	case "content":
		d.content, err = f.value()
	default:
		err = f.dec.SkipValue()
	}
	return err
}

// value reads a value as it stands in the event; the decoder's own copy would not last.
func (f *frames) value() (jsontext.Value, error) {
	raw, err := f.dec.ReadValue()
	end := int(f.dec.InputOffset())
	return f.data[end-len(raw) : end], err
}

// str reads a string; any other value is passed over and nil.
func (f *frames) str() ([]byte, error) {
	raw, err := f.value()
	if err != nil || raw.Kind() != '"' {
		return nil, err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	start := len(f.decoded)
	f.decoded, err = jsontext.AppendUnquote(f.decoded, raw)
	return f.decoded[start:len(f.decoded):len(f.decoded)], err
}

// word reads a short string that is one of a few.
func (f *frames) word() (string, error) {
	s, err := f.str()
	switch string(s) {
	case "content_block_delta":
		return "content_block_delta", err
	case "content_block_start":
		return "content_block_start", err
	case "content_block_stop":
		return "content_block_stop", err
	}
	return string(s), err
}

// number reads a whole number; any other value is passed over and 0.
func (f *frames) number() (int, error) {
	raw, err := f.value()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range raw {
		if c < '0' || c > '9' || n > 1<<24 {
			return 0, nil
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}
