package fleet

import (
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// FuzzText: whatever a text holds, both encodings of it are valid and say the same, and a cut is as long as it may be.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "hello", "😀😀", "\xff", "\xed\xa0\xbd", "a\x00\"\\\n\u2028", "é€", strings.Repeat("😀", 40)} {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, most int) {
		var read string
		if js := jsonString(nil, s); !utf8.ValidString(s) {
			// Bytes that are no text may be replaced, not break the message.
			if !json.Valid(js) {
				t.Fatalf("%q became %s", s, js)
			}
		} else if err := json.Unmarshal(js, &read); err != nil || read != s {
			t.Fatalf("%q became %s, read back %q: %v", s, js, read, err)
		}
		wire := appendText(nil, 1, s)[1:]
		length, n := binary.Uvarint(wire)
		if n <= 0 || int(length) != len(wire)-n || !utf8.Valid(wire[n:]) {
			t.Fatalf("%q is %q on the wire", s, wire)
		}
		if utf8.ValidString(s) {
			if n := len(utf16.Encode([]rune(s))); units(s) != int64(n) {
				t.Fatalf("%q has %d units, want %d", s, units(s), n)
			}
			most = min(max(most, 0), 1<<20)
			if cut := firstUnits(s, most); units(cut) != min(units(s), int64(most)) {
				t.Fatalf("%q cut at %d has %d units", s, most, units(cut))
			}
		}
	})
}

// FuzzToolInput: a tool's input that is cut stays short and, where it is an object of reasonable size, JSON.
func FuzzToolInput(f *testing.F) {
	f.Add(`{"command":"ls"}`)
	f.Add(`{"a":"` + strings.Repeat("x", 2000) + `","b":[1,2],"a":"again"}`)
	f.Add(`{"a":` + strings.Repeat(" ", 600) + `1`)
	f.Add(strings.Repeat("x", 9000))
	f.Add(strings.Repeat("x", 4095) + strings.Repeat("\xf5", 9))
	f.Add(`{"a":"` + strings.Repeat("😀x", 2000) + `"}`)
	f.Fuzz(func(t *testing.T, input string) {
		got := toolInput(input)
		if len(input) > valueLimit && units(got) > inputLimit {
			t.Fatalf("%d units are left", units(got))
		}
		_, _, _ = member(input, "command"), memberNames(input), diff(input)
	})
}

// FuzzRetryAfter: a header is a pause of nought or more, or none.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "30", "-1", "Mon, 16 Nov 2026 08:00:00 GMT", "99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if d := retryAfter(header); d < -1 {
			t.Fatalf("%q is %v", header, d)
		}
	})
}
