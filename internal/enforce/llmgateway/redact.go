package llmgateway

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// cut is a part of a body and what takes its place.
type cut struct {
	start, end int
	with       string
}

// splice is the body with its cuts made, which are in order and apart.
func splice(body []byte, cuts []cut) []byte {
	slices.SortFunc(cuts, func(a, b cut) int { return a.start - b.start })
	out := make([]byte, 0, len(body))
	at := 0
	for _, c := range cuts {
		out = append(append(out, body[at:c.start]...), c.with...)
		at = c.end
	}
	return append(out, body[at:]...)
}

// redactable names the strings that may be changed: those that are not signed, not the client's attribution and not names.
func redactable(b *messages.Block, t *messages.Text) bool {
	switch b.Type {
	case "thinking", "redacted_thinking", "compaction":
		return false
	}
	if b.Part == messages.System && b.Index == 0 || b.Part == messages.Tools || b.Part == messages.Field {
		return false
	}
	switch t.What {
	case "text", "content", "title", "context":
		return true
	}
	return false
}

// redactions finds where in the body the findings of a block stand. It is false where one cannot be replaced exactly.
func (g *Gateway) redactions(body []byte, b *messages.Block, found []policy.Finding) ([]cut, bool) {
	var cuts []cut
	for _, f := range found {
		t, offset := textAt(b, f.Start)
		if t == nil || f.Start == f.End || f.End-offset > len(t.Value) || !redactable(b, t) {
			return nil, false
		}
		start, end, ok := rawRange(body[t.Start:t.End], f.Start-offset, f.End-offset)
		if !ok {
			return nil, false
		}
		cuts = append(cuts, cut{t.Start + start, t.Start + end, g.placeholder(f.Kind, t.Value[f.Start-offset:f.End-offset])})
	}
	return cuts, len(cuts) > 0
}

// textAt finds the string of a block in which an offset of textOf lies, and the offset at which that string begins.
func textAt(b *messages.Block, at int) (*messages.Text, int) {
	offset := 0
	for i := range b.Texts {
		t := &b.Texts[i]
		if at >= offset && at < offset+len(t.Value) {
			return t, offset
		}
		offset += len(t.Value) + 1
	}
	return nil, 0
}

// placeholder stands for a value: the same for the same value, so that the body stays the same from turn to turn and the
// prompt cache is kept; nobody without the key learns from it what it stands for.
func (g *Gateway) placeholder(kind, value string) string {
	mac := hmac.New(sha256.New, g.cfg.Key[:])
	mac.Write([]byte("redact\x00" + kind + "\x00" + value))
	clean := bytes.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, []byte(kind))
	return "[REDACTED:" + string(clean) + ":" + hex.EncodeToString(mac.Sum(nil)[:4]) + "]"
}

// rawRange maps a range of a decoded string to that of its JSON. raw is the string with its quotes, and known to be valid. It
// is false where the range does not begin and end between two characters.
func rawRange(raw []byte, start, end int) (from, to int, ok bool) {
	from, to = -1, -1
	decoded := 0
	for i := 1; i < len(raw); {
		if decoded == start && from < 0 {
			from = i
		}
		if decoded == end && from >= 0 {
			to = i
			break
		}
		if raw[i] == '"' {
			break
		}
		n, width := character(raw[i:])
		i += n
		decoded += width
	}
	return from, to, from >= 0 && to >= 0
}

// character measures the next character of a JSON string: its bytes there, and those of what it stands for.
func character(raw []byte) (n, width int) {
	if raw[0] != '\\' {
		_, n = utf8.DecodeRune(raw)
		return n, n
	}
	if raw[1] != 'u' {
		return 2, 1
	}
	r := hex4(raw[2:])
	if r >= 0xd800 && r < 0xdc00 && len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' && utf16.DecodeRune(r, hex4(raw[8:])) != utf8.RuneError {
		return 12, 4
	}
	if width = utf8.RuneLen(r); width < 0 {
		width = len("\ufffd") // half a pair, which strict JSON does not have
	}
	return 6, width
}

func hex4(b []byte) (r rune) {
	for _, c := range b[:4] {
		r <<= 4
		switch {
		case c >= '0' && c <= '9':
			r |= rune(c - '0')
		case c >= 'a' && c <= 'f':
			r |= rune(c-'a') + 10
		case c >= 'A' && c <= 'F':
			r |= rune(c-'A') + 10
		}
	}
	return r
}
