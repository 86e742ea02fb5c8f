package llmgateway

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// member finds the value of a member of a JSON object: where it stands in data. It is false where there is none or data is
// no object.
func member(data []byte, name string) (start, end int, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data))
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return 0, 0, false
	}
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return 0, 0, false
		}
		is := tok.String() == name
		if dec.PeekKind() == 0 {
			return 0, 0, false
		}
		v, err := dec.ReadValue()
		if err != nil {
			return 0, 0, false
		}
		if is {
			end = int(dec.InputOffset())
			return end - len(v), end, true
		}
	}
	return 0, 0, false
}

// endTurn makes of an event that ends a message with tool_use one that ends it with end_turn; every other byte stays.
func endTurn(raw, data []byte) ([]byte, bool) {
	const was, is = `"tool_use"`, `"end_turn"`
	start, end, ok := member(data, "delta")
	if !ok {
		return nil, false
	}
	s, e, ok := member(data[start:end], "stop_reason")
	if !ok || string(data[start:end][s:e]) != was {
		return nil, false
	}
	if at := bytes.Index(raw, data); at >= 0 { // the data stand in one line, as they always do
		out := bytes.Clone(raw)
		copy(out[at+start+s:], is)
		return out, true
	}
	changed := bytes.Clone(data)
	copy(changed[start+s:], is)
	return append(append([]byte("event: message_delta\ndata: "), bytes.ReplaceAll(changed, []byte("\n"), nil)...), "\n\n"...), true
}
