package messages

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// begin takes a block as it begins. Results of the vendor's tools are whole with it.
func (r *Reply) begin(index int, raw jsontext.Value) (Change, error) {
	b := &ReplyBlock{Index: index, Answer: r.ID, Bytes: len(raw)}
	var said []byte
	if len(raw) > 0 {
		// The block is read as one of a request is: the same names mean the same.
		rd := &reader{body: raw, req: &Request{}, dec: jsontext.NewDecoder(bytes.NewBuffer(raw))}
		if err := rd.block(Block{Part: Message}); err != nil {
			r.Malformed++
			return Change{}, err
		}
		asked := &rd.req.Blocks[0]
		b.Type, b.ID, b.Tool, b.Server, b.IsError = asked.Type, asked.ID, asked.Tool, asked.Server, asked.IsError
		b.Raw = r.hold(bytes.Clone(raw))
		b.Input = r.hold(bytes.Clone(asked.Input))
		said = joined(asked.Texts)
		if asked.Input == nil {
			b.text = r.hold(said)
		}
	}
	r.Blocks = append(r.Blocks, b)
	return Change{Block: b, Text: said, Began: true}, nil
}

// joined puts strings one a line.
func joined(texts []Text) []byte {
	var all []byte
	for i, t := range texts {
		if i > 0 {
			all = append(all, '\n')
		}
		all = append(all, t.Value...)
	}
	return all
}

// hold counts bytes that are kept, and keeps none beyond the bound.
func (r *Reply) hold(p []byte) []byte {
	if r.size+len(p) > MaxReply {
		r.Truncated = true
		return nil
	}
	r.size += len(p)
	return p
}

// open finds the block of an index that began last.
func (r *Reply) open(index int) *ReplyBlock {
	for i := len(r.Blocks) - 1; i >= 0; i-- {
		if b := r.Blocks[i]; b.Index == index && !b.Whole {
			return b
		}
	}
	return nil
}

// grow takes a delta. One whose block never began begins it: nothing that came is left unread.
func (r *Reply) grow(index int, d *delta) Change {
	b := r.open(index)
	began := b == nil
	if began {
		b = &ReplyBlock{Index: index, Answer: r.ID}
		r.Blocks = append(r.Blocks, b)
	}
	switch {
	case len(d.partial) > 0:
		if !b.partial {
			b.partial, b.Input = true, nil
		}
		b.Input = append(b.Input, r.hold(d.partial)...)
		b.Bytes += len(d.partial)
		return Change{Block: b, Text: b.fragment.decode(d.partial), Began: began}
	case len(d.text) > 0:
		b.text = append(b.text, r.hold(d.text)...)
		b.Bytes += len(d.text)
		return Change{Block: b, Text: d.text, Began: began}
	case len(d.citation) > 0: // what it cites is told beside the text, not in it
		b.Bytes += len(d.citation)
		return Change{Block: b, Text: stringsOf(d.citation), Began: began}
	}
	added := stringsOf(d.content)
	b.text = append(b.text, r.hold(added)...)
	b.Bytes += len(added)
	return Change{Block: b, Text: added, Began: began}
}

// stringsOf are the strings of a delta whose shape is not its text alone, each on a line of its own.
func stringsOf(raw jsontext.Value) []byte {
	if len(raw) == 0 {
		return nil
	}
	rd := &reader{body: raw, req: &Request{}, dec: jsontext.NewDecoder(bytes.NewBuffer(raw))}
	b := Block{Part: Message}
	if err := rd.value(&b, "", nested, 0); err != nil || len(b.Texts) == 0 {
		return nil
	}
	return append(append([]byte{'\n'}, joined(b.Texts)...), '\n')
}

// finish makes a block whole, and reads its arguments strictly.
func (r *Reply) finish(index int) Change {
	b := r.open(index)
	if b == nil {
		return Change{}
	}
	b.Whole = true
	if b.Input == nil {
		return Change{Block: b, Whole: true}
	}
	if len(bytes.TrimSpace(b.Input)) == 0 {
		b.Input = []byte("{}")
	}
	var v jsontext.Value
	if err := json.Unmarshal(b.Input, &v); err != nil {
		b.Failed = malformed(0, b.Input, err)
	} else if v.Kind() != '{' {
		b.Failed = &Malformed{0, reasonObject}
	} else if r.Truncated {
		b.Failed = &Malformed{0, reasonCount}
	}
	return Change{Block: b, Whole: true}
}
