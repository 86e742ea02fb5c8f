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

// redactions finds where in the body the findings of a block stand, which are in order and apart: one way through the block,
// however many there are. It is false where one cannot be replaced exactly.
func (g *Gateway) redactions(body []byte, b *messages.Block, found []policy.Finding) ([]cut, bool) {
	var cuts []cut
	offset, rest := 0, b.Texts // where in textOf the first of rest begins
	at := rawPlace{raw: 1}
	for _, f := range found {
		for len(rest) > 0 && f.Start >= offset+len(rest[0].Value) {
			offset, rest, at = offset+len(rest[0].Value)+1, rest[1:], rawPlace{raw: 1}
		}
		if len(rest) == 0 || f.Start < offset || f.Start == f.End || f.End-offset > len(rest[0].Value) || !redactable(b, &rest[0]) {
			return nil, false
		}
		t := &rest[0]
		start, end, ok := at.find(body[t.Start:t.End], f.Start-offset, f.End-offset)
		if !ok {
			return nil, false
		}
		cuts = append(cuts, cut{t.Start + start, t.Start + end, g.placeholder(f.Kind, t.Value[f.Start-offset:f.End-offset])})
	}
	return cuts, len(cuts) > 0
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

// rawPlace is how far the JSON of a string was read: a byte of it, and the byte of the decoded string that stands there.
type rawPlace struct{ raw, decoded int }

// find maps a range of the decoded string, no earlier than the place, to that of its JSON, and goes on to its end. raw is the
// string with its quotes, and known to be valid. It is false where the range does not begin and end between two characters.
func (p *rawPlace) find(raw []byte, start, end int) (from, to int, ok bool) {
	from, to = -1, -1
	for p.raw < len(raw) {
		if p.decoded == start && from < 0 {
			from = p.raw
		}
		if p.decoded == end && from >= 0 {
			to = p.raw
			break
		}
		if raw[p.raw] == '"' {
			break
		}
		n, width := character(raw[p.raw:])
		p.raw += n
		p.decoded += width
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
