package page

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// texts are what people and models write, and what somebody would to harm who reads it.
var texts = []string{"", "a", "one\ntwo\tthree\r\nfour", "\x1b[2Jgone", "\u202eevil", "</pre><script>alert(1)</script>", "\xff\xfe", "\n\nlate", strings.Repeat("é\n", 5000),
	strings.Repeat("x", 100_000), strings.Repeat("日本", 300_000)}

// TestWritten: nothing is lost but what is said to be, and what is shown at once is bounded.
func TestWritten(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		w := NewWritten([]byte(text), false)
		if w.First+w.Rest != text[:len(text)-int(w.Left)] || w.RestBytes != int64(len(w.Rest)) {
			t.Errorf("%.20q: parts do not make the whole", text)
		}
		if utf8.RuneCountInString(w.First) > writtenFirst*11/10 || len(w.First)+len(w.Rest) > writtenMost || w.Left > 0 && len(text) <= writtenMost {
			t.Errorf("%.20q: %d shown, %d folded, %d left", text, len(w.First), len(w.Rest), w.Left)
		}
		if utf8.ValidString(text) && (!utf8.ValidString(w.First) || !utf8.ValidString(w.Rest)) {
			t.Errorf("%.20q: cut within a character", text)
		}
	}
	if w := NewWritten([]byte(`{"b":1,"a":[2]}`), true); w.First != "{\n  \"b\": 1,\n  \"a\": [\n    2\n  ]\n}" {
		t.Errorf("a structure is shown as %q", w.First)
	}
	if w := NewWritten([]byte(`{"b":`), true); w.First != `{"b":` {
		t.Errorf("what is no JSON is shown as %q", w.First)
	}
}

// FuzzInert: whatever is written, a browser sees text and codes, and nothing that acts.
func FuzzInert(f *testing.F) {
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		shown := string(Inert(text))
		doc, err := html.Parse(strings.NewReader("<!doctype html><body><pre>\n" + shown + "</pre>"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range doc.Descendants() {
			switch n.Type {
			case html.ElementNode:
				if !strings.Contains("html head body pre span", n.Data) || n.Data == "span" && (len(n.Attr) != 1 || n.Attr[0].Val != "code") {
					t.Fatalf("%q became <%s %v>", text, n.Data, n.Attr)
				}
			case html.TextNode:
				for _, r := range n.Data {
					if r != '\n' && r != '\t' && Plain(string(r)) != string(r) {
						t.Fatalf("%U of %q stands as it is", r, text)
					}
				}
			}
		}
	})
}
