package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestInert(t *testing.T) {
	t.Parallel()
	f := func(want string, writes ...string) {
		t.Helper()
		var b bytes.Buffer
		w := NewInert(&b)
		for _, s := range writes {
			if n, err := w.Write([]byte(s)); n != len(s) || err != nil {
				t.Errorf("wrote %d of %q, %v", n, s, err)
			}
		}
		if got := b.String(); got != want {
			t.Errorf("%q became %q, want %q", writes, got, want)
		}
	}
	f("plain\ttext\nÜnal 木 🙂\n", "plain\ttext\nÜnal 木 🙂\n")
	f(`\u001b[2J`, "\x1b[2J")
	f(`\u009b31m \u202e \u007f \u000d`, "\u009b31m \u202e \x7f \r")
	f(`\udb40\udc41`, "\U000e0041")
	f("木", "\xe6", "\x9c", "\xa8")
	f(`\u009b`, "\xc2", "\x9b")
	f("\ufffda", "\x9b", "a")
	f("\ufffd\ufffda", "\xe6\x9c", "a")
}

func FuzzInert(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s[:min(len(s), 1<<10)], 3)
	}
	f.Fuzz(func(t *testing.T, s string, cut int) {
		object, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		cut = min(max(cut, 0), len(object))
		var b bytes.Buffer
		w := NewInert(&b)
		for _, part := range [][]byte{object[:cut], object[cut:]} {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		var before, after string
		if err := json.Unmarshal(b.Bytes(), &after); err != nil {
			t.Fatalf("%q is no JSON any more: %v", b.String(), err)
		}
		if err := json.Unmarshal(object, &before); err != nil || before != after {
			t.Errorf("%q became %q", before, after)
		}
		if !utf8.Valid(b.Bytes()) || strings.ContainsFunc(b.String(), acts) {
			t.Errorf("%q acts", b.String())
		}
	})
}
