package file_test

import (
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
)

func TestParse(t *testing.T) {
	t.Parallel()
	f := func(text, want string, exact bool) {
		t.Helper()
		v, ok := file.Parse(text)
		if got := string(v.AppendJSON(nil)); got != want || ok != exact {
			t.Errorf("Parse(%s) = %s, exact %v; want %s, %v", text, got, ok, want, exact)
		}
	}
	// As Python writes them, and as JSON is.
	f(`{}`, `{}`, true)
	f(` None `, `null`, true)
	f(`{'name': 'Jane Doe', 'uuid': '0f1e', 'metadata': {'email_address': 'jane@example.com'}}`,
		`{"metadata":{"email_address":"jane@example.com"},"name":"Jane Doe","uuid":"0f1e"}`, true)
	f(`{"name": "Reece O'Sullivan", 'ok': True, 'no': False, 'nothing': None}`, `{"name":"Reece O'Sullivan","no":false,"nothing":null,"ok":true}`, true)
	f(`{'a': 1, 'b': -2.5, 'c': [1, 'x', (2, 3)], 'd': {'x'},}`, `{"a":1,"b":-2.5,"c":[1,"x",[2,3]],"d":["x"]}`, true)
	f(`{"a": null, "b": true, "c": "A\u00e9\ud83d\ude00\/"}`, `{"a":null,"b":true,"c":"Aé😀/"}`, true)
	f(`{'e': 'a\'b"c\\d\n\x41\u00e9\U0001f600\101\q'}`, `{"e":"a'b\"c\\d\nAé😀A\\q"}`, true)
	f(`{'b': b'x', 'u': u'y'}`, `{"b":"x","u":"y"}`, true)
	f(`{'brace': '}', 'comma': 'a, b', 'colon': "it's: so"}`, `{"brace":"}","colon":"it's: so","comma":"a, b"}`, true)
	f(`{1: 'a', None: 'b'}`, `{"1":"a","null":"b"}`, true)
	f(`()`, `[]`, true)
	f(``, `null`, true)

	// As they were seen, or as they may break.
	f(`{'name': 'Reece O'Sullivan', 'uuid': 'u', 'metadata': {'email_address': 'r@example.com'}}`,
		`{"metadata":{"email_address":"r@example.com"},"name":"Reece O'Sullivan","uuid":"u"}`, false)
	f(`{'name': 'the 'best' one'}`, `{"name":"the 'best' one"}`, false)
	f(`{'uuid': 0f1e2d3c-4b5a-4678-9abc-def012345678, 'n': 1}`, `{"n":1,"uuid":"0f1e2d3c-4b5a-4678-9abc-def012345678"}`, false)
	f(`{'uuid': UUID('0f1e'), 'when': datetime.datetime(2026, 1, 2), 'x': 1}`, `{"uuid":"0f1e","when":"datetime.datetime(2026, 1, 2)","x":1}`, false)
	f(`{'type': <AuditEntityType.ACCOUNT: 'account'>, 'uuid': 'u'}`, `{"type":"account","uuid":"u"}`, false)
	f(`{'name': 'cut of`, `{"name":"cut of"}`, false)
	f(`{'name': 'x', 'meta`, `{"meta":null,"name":"x"}`, false)
	f(`{'a': 'x' 'b': 'y'}`, `{"'y'":null,"a":"x' 'b"}`, false)
	f(`{'a': , 'b': 1}`, `{"a":"","b":1}`, false)
	f(`{'a': 1}}`, `{"a":1}`, false)
	f(`{{}}`, `[{}]`, true)
	f(`]`, `""`, false)
	f(`jane@example.com`, `"jane@example.com"`, false)
	f(`__import__('os').system('rm -rf /')`, `"__import__('os').system('rm -rf /')"`, false)
	f(`{'n': 1e999, 'm': nan, 'i': 123456789012345678901234567890}`, `{"i":1.2345678901234568e+29,"m":"nan","n":"1e999"}`, false)
	f(`{'u': '\ud83d', 'x': '\xZZ'}`, `{"u":"`+"\ufffd"+`","x":"\\xZZ"}`, false)
}

// A name that was not escaped can hold what looks like a key. Nobody's identifier is taken from there.
func TestRepeatedKey(t *testing.T) {
	t.Parallel()
	v, exact := file.Parse(`{'name': 'Eve', 'uuid': 'somebody-else', 'x': 'y', 'uuid': 'eve'}`)
	if _, twice := v.Get("uuid"); !exact || !twice || !v.Repeats() {
		t.Errorf("exact %v, twice %v, repeats %v", exact, twice, v.Repeats())
	}
	v, _ = file.Parse(`{'a': {'k': 1, 'k': 2}}`)
	if !v.Repeats() {
		t.Error("a repetition further in is not seen")
	}
	v, _ = file.Parse(`{'k': 1, 'k': 1}`)
	if found, twice := v.Get("k"); twice || found.Int != 1 || v.Repeats() {
		t.Error("the same value twice is no contradiction")
	}
}

func TestDepthAndLengthAreBounded(t *testing.T) {
	t.Parallel()
	for _, text := range []string{strings.Repeat("[", 1<<20), strings.Repeat("{'a':", 1<<18), strings.Repeat("(", 1<<16) + strings.Repeat(")", 1<<16)} {
		if _, exact := file.Parse(text); exact {
			t.Errorf("%.10s… is taken for a literal", text)
		}
	}
}

// FuzzParse: whatever a cell holds, reading ends, and a value's JSON reads back as the same value.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{'name': 'Reece O'Sullivan', 'uuid': 'u'}`, `{"a": [1, (2, None), {'x'}], 'b': "it's"}`, `{'a': UUID('x'), 'b': b'\xff'}`,
		`{'k': '\ud83d\ude00', 'k': 2}`, `[[[[`, `{'a': 1,, :]}`, `u'`, `{1: {2: {3: 4}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "\ufffd")
		v, _ := file.Parse(text)
		first := string(v.AppendJSON(nil))
		again, exact := file.Parse(first)
		if second := string(again.AppendJSON(nil)); second != first || !exact {
			t.Fatalf("%q gives %s, which gives %s (exact %v)", text, first, second, exact)
		}
	})
}
