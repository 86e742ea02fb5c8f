package export

import (
	"encoding/csv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("Ünal is 木 🙂", "Ünal is 木 🙂")
	f("<script>alert(1)</script>", "<script>alert(1)</script>") // pages escape for themselves
	f("\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\a`)
	f("C1 \u009b31m", `C1 \u009b31m`)
	f("byte C1 \x9b31m", `byte C1 \x9b31m`)
	f("cut \xe2\x82", `cut \xe2\x82`)
	f("abc\u202egnp.exe", `abc\u202egnp.exe`)
	f("\u2066isolate\u2069", `\u2066isolate\u2069`)
	f("line\none\r\ttab", `line\none\r\ttab`)
	f("zero\u200bwidth\ufeff", `zero\u200bwidth\ufeff`)
	f("\u2028\u2029\u0085", `\u2028\u2029\u0085`)
	f("tag \U000e0041", `tag \U000e0041`)
	f("\x7f\x00", `\x7f\x00`)
	f("\ufffd", "\ufffd")
	f("no-break\u00a0space", `no-break\u00a0space`)
}

func TestPlainLines(t *testing.T) {
	t.Parallel()
	if got := PlainLines("{\n  \"a\": \"\x1b[0m\"\n}\n"); got != "{\n  \"a\": \"\\x1b[0m\"\n}\n" {
		t.Errorf("%q", got)
	}
}

func TestDefuse(t *testing.T) {
	t.Parallel()
	f := func(in, want string) {
		t.Helper()
		if got := defuse(in); got != want {
			t.Errorf("defuse(%q) = %q, want %q", in, got, want)
		}
	}
	f("", "")
	f("Bash", "Bash")
	f("a=1", "a=1")
	f("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0")
	f("+1", "'+1")
	f("-2+3", "'-2+3")
	f("@SUM(A1)", "'@SUM(A1)")
	f("  =1", "'  =1")
	f("\u00a0=1", `'\u00a0=1`)
	f("\ufeff=1", `'\ufeff=1`)
	f("\u202e=1", `'\u202e=1`)
	f("\x00=1", `'\x00=1`)
	f("＝1", "'＝1")
	f("\t=1", `'\t=1`)
	f("\r\n=1", `'\r\n=1`)
	f("\nplain", `'\nplain`)
	f("\xff=1", `\xff=1`)
	f(" ", " ")
}

// hostile are strings that do harm somewhere.
func hostile() []string {
	return []string{
		"<script>alert(1)</script>", "\x1b[2J\x1b]52;c;aGk=\x07", "\u009b31m", "\x9b31m", "\u202egnp.exe\u2066", "=cmd|'/C calc'!A0", "+1", "-1", "@x",
		" =1", "\t=1", "a\r\n=1", `",=1`, "\xff\xfe=", "\xc3", strings.Repeat("=A", 1<<19), "\x00", "\ufeff=1", "＝1", "a,b;c\td", "'=1", "\u2028=1",
	}
}

func FuzzDefuse(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s[:min(len(s), 1<<10)])
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{Plain(s), defuse(s)} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, acts) || len(got) > 10*len(s)+1 {
				t.Errorf("%q became %q", s, got)
			}
		}
		cell := defuse(s)
		if bare := strings.TrimLeftFunc(cell, unicode.IsSpace); bare != "" && strings.ContainsAny(bare[:1], "=+-@") {
			t.Errorf("%q is still a formula: %q", s, cell)
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		if err := w.Write([]string{cell, "next"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		row, err := csv.NewReader(strings.NewReader(b.String())).Read()
		if err != nil || len(row) != 2 || row[0] != cell || strings.Count(b.String(), "\n") != 1 {
			t.Errorf("%q breaks its row: %q, %v", s, b.String(), err)
		}
	})
}
