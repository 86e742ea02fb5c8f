package llmgateway

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzRawRange: what stands between the offsets that are found decodes to what stands between those asked for.
func FuzzRawRange(f *testing.F) {
	f.Add(`"plain"`, 1, 3)
	f.Add(`"a\"\\\/\b\n\u00e9\ud83d\ude00é😀"`, 2, 9)
	f.Add(`"\ud800 \udc00x\ud800\ud800"`, 0, 3)
	f.Fuzz(func(t *testing.T, raw string, start, end int) {
		var value string
		if !utf8.ValidString(raw) || len(raw) < 2 || raw[0] != '"' || json.Unmarshal([]byte(raw), &value) != nil {
			return
		}
		if start < 0 || end <= start || end > len(value) {
			return
		}
		from, to, ok := rawRange([]byte(raw), start, end)
		whole := utf8.RuneStart(value[start]) && (end == len(value) || utf8.RuneStart(value[end]))
		if !ok {
			if whole && !bytes.Contains([]byte(raw), []byte(`\u`)) {
				t.Fatalf("%s [%d:%d]: not found", raw, start, end)
			}
			return
		}
		var got string
		if err := json.Unmarshal([]byte(`"`+raw[from:to]+`"`), &got); err != nil || got != value[start:end] {
			t.Fatalf("%s [%d:%d] is %q, found %s: %v", raw, start, end, value[start:end], raw[from:to], err)
		}
	})
}
