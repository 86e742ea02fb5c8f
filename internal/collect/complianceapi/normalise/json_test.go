package normalise

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
)

// slowly reads a value with encoding/json, whose tokens keep the order of fields and the digits of numbers.
func slowly(t *testing.T, dec *json.Decoder) value {
	t.Helper()
	token := func() json.Token {
		tok, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	switch tok := token().(type) {
	case string:
		return value{kind: audit.KindString, str: tok}
	case bool:
		return value{kind: audit.KindBool, truth: tok}
	case json.Number:
		if _, err := tok.Int64(); err == nil {
			return value{kind: audit.KindInt, str: tok.String()}
		}
		return value{kind: audit.KindDouble, str: tok.String()}
	case json.Delim:
		v := value{kind: audit.KindArray}
		for dec.More() {
			if tok == '[' {
				v.items = append(v.items, slowly(t, dec))
				continue
			}
			name, _ := token().(string)
			item := slowly(t, dec)
			v.fields = append(v.fields, field{(&parser{}).unique(v.fields, name), item})
		}
		if tok == '{' {
			v.kind = audit.KindMap
		}
		token()
		return v
	}
	return value{}
}

func depth(v value) int {
	n := 0
	for i := range v.items {
		n = max(n, depth(v.items[i]))
	}
	for i := range v.fields {
		n = max(n, depth(v.fields[i].value))
	}
	if v.kind == audit.KindArray || v.kind == audit.KindMap {
		n++
	}
	return n
}

// FuzzParse holds the parser against encoding/json: the same is JSON, and means the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":1,"b":[true,false,null,-0.5e+3,12345678901234567890],"a":{"c":"d\u00e9\ud83d\ude00\n"}}`, " \t\r\n{ } ", `[]`, `"\ud800"`, "\"\xff\"", "\"\xff\\\"\"",
		`{"a":1,}`, `[1,]`, `01`, `-`, `1.`, `.5`, `1e`, `tru`, `{"a"}`, `{a:1}`, `"a`, `"\`, `"\x"`, "\"\x01\"", `{} {}`, "{}\x00", `{"é":"ü","<":"&"}`, `""`, `1 2`,
		strings.Repeat("[", deepest) + strings.Repeat("]", deepest), strings.Repeat("[", deepest+1) + strings.Repeat("]", deepest+1),
	} {
		f.Add([]byte(s))
	}
	space := new(scratch) // used again and again
	f.Fuzz(func(t *testing.T, raw []byte) {
		defer space.reset()
		got, _, err := parseInto(raw, space)
		if !json.Valid(raw) {
			if err == nil {
				t.Fatalf("%q was read as %v", raw, got)
			}
			return
		}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.UseNumber()
		want := slowly(t, dec)
		if depth(want) > deepest {
			if err == nil {
				t.Fatal("read, though nested too deep")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !same(want, got) {
			t.Fatalf("encoding/json reads %+v, we %+v", want, got)
		}
		if form := got.appendForm(nil); !json.Valid(form) {
			t.Fatalf("the form is no JSON: %q", form)
		}
	})
}

func same(a, b value) bool {
	return a.kind == b.kind && a.str == b.str && a.truth == b.truth && slices.EqualFunc(a.items, b.items, same) &&
		slices.EqualFunc(a.fields, b.fields, func(x, y field) bool { return x.name == y.name && same(x.value, y.value) })
}

// TestForm: the form of an activity is what encoding/json writes of it with sorted names, digits as they came. Ids and
// the recognition of changed bodies rest on it, so it can never change.
func TestForm(t *testing.T) {
	t.Parallel()
	const sent = `{"type":"x","id":"activity_01","n":1.50e2,"list":[{"b":1,"a":2},[]],"text":"a\"b\\<é>&\u2028\t","none":null,"yes":true,"":{}}`
	const want = `{"":{},"id":"activity_01","list":[{"a":2,"b":1},[]],"n":1.50e2,"none":null,"text":"a\"b\\\u003cé\u003e\u0026\u2028\t","type":"x","yes":true}`
	v, _, err := parse([]byte(sent))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.appendForm(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	inOrder := v.appendJSON(nil)
	if got := string(inOrder); !strings.HasPrefix(got, `{"type":"x","id":"activity_01","n":1.50e2`) {
		t.Errorf("in order: %s", got)
	}
}
