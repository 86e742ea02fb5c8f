package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// shape is how large the bodies of a conversation are and how they grow.
type shape struct {
	size  int  // bytes of the first body
	fresh bool // each request begins a conversation of its own, and all of its text is new
}

// Of a conversation that grows.
const (
	turnBytes = 2 << 10 // that a turn adds: the model's answer, a tool's result
	turns     = 20      // before another conversation begins on the connection
)

// corpus is a few megabytes of what stands in conversations with Claude Code: prose, code, command lines and logs, in the
// form they have inside of JSON strings. A slice of it at a random place is text that was not there before.
type corpus struct{ text string }

const corpusBytes = 4 << 20

func newCorpus(seed uint64) *corpus {
	rng := rand.New(rand.NewPCG(seed, 0x6a7e))
	var b strings.Builder
	for b.Len() < corpusBytes {
		switch rng.IntN(5) {
		case 0:
			fmt.Fprintf(&b, `func (s *%s) %s(ctx context.Context, %s string) error {\n\tif err := s.%s(ctx, %s); err != nil {\n\t\treturn fmt.Errorf(\"%s %s: %%w\", err)\n\t}\n\treturn nil\n}\n `,
				word(rng), word(rng), word(rng), word(rng), word(rng), word(rng), word(rng))
		case 1:
			fmt.Fprintf(&b, `2026-11-%02dT%02d:%02d:%02dZ INFO %s.%s request=%08x path=/api/%s/%d duration=%dms status=200\n `,
				1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60), word(rng), word(rng), rng.Uint32(), word(rng), rng.IntN(1000), rng.IntN(900))
		case 2:
			fmt.Fprintf(&b, `$ git diff --stat %07x -- internal/%s/%s.go && go test ./internal/%s/... -run 'Test%s' | tail -n %d\n `,
				rng.Uint32()>>4, word(rng), word(rng), word(rng), word(rng), rng.IntN(90))
		default:
			for range 8 + rng.IntN(14) {
				b.WriteString(word(rng))
				b.WriteByte(' ')
			}
			b.WriteString(`.\n `)
		}
	}
	return &corpus{b.String()}
}

// cut is n bytes of text or a few fewer, ended at a space so that no escape is cut.
func (c *corpus) cut(rng *rand.Rand, n int) string {
	from := rng.IntN(len(c.text) - n - 64)
	from += strings.IndexByte(c.text[from:], ' ') + 1
	s := c.text[from : from+n]
	return s[:strings.LastIndexByte(s, ' ')+1]
}

// conversation is one session of a client. Its requests are those of
// https://code.claude.com/docs/en/llm-gateway-protocol: the whole history each time, the newest at the end.
type conversation struct {
	c       *corpus
	rng     *rand.Rand
	shape   shape
	id      string
	history []byte // the messages, without the closing bracket
	turn    int
	body    []byte // reused
}

func (c *corpus) converse(seed, lane uint64, s shape) *conversation {
	return &conversation{c: c, rng: rand.New(rand.NewPCG(seed, lane)), shape: s}
}

// next gives the body of the next request. It is valid until next is called again.
func (v *conversation) next(stream bool) []byte {
	switch {
	case v.turn == 0, v.turn == turns, v.shape.fresh:
		v.begin()
	default:
		call := v.rng.Uint64()
		v.history = fmt.Appendf(v.history, `,{"role":"assistant","content":[{"type":"text","text":"%s"},{"type":"tool_use","id":"toolu_01%020x","name":"Bash","input":{"command":"%s"}}]}`,
			v.c.cut(v.rng, 300), call, v.c.cut(v.rng, 80))
		v.history = fmt.Appendf(v.history, `,{"role":"user","content":[{"tool_use_id":"toolu_01%020x","type":"tool_result","content":"%s"}]}`,
			call, v.c.cut(v.rng, turnBytes-700))
	}
	v.turn++
	b := append(v.body[:0], `{"model":"claude-opus-5-5","messages":`...)
	b = append(b, v.history...)
	b = append(b, `],"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.b1d; cc_entrypoint=cli;"},{"type":"text","text":"`...)
	b = append(b, v.words(systemBytes)...)
	b = append(b, `","cache_control":{"type":"ephemeral"}}],"tools":[`...)
	for i := range tools {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"name":"Tool%d","description":"%s","input_schema":{"type":"object","properties":{"command":{"type":"string"}},"required":["command"]}}`, i, v.words(toolBytes))
	}
	b = fmt.Appendf(b, `],"metadata":{"user_id":"{\"device_id\":\"%064x\",\"account_uuid\":\"\",\"session_id\":\"%s\"}"},"max_tokens":32000,"thinking":{"type":"adaptive","display":"omitted"},"stream":%t}`,
		7, v.id, stream)
	v.body = b
	return b
}

// System prompt and tool definitions are the larger part of a small request. They are the same in all sessions of one
// version of the client, unless everything has to be new.
const (
	systemBytes = 9 << 10
	tools       = 18
	toolBytes   = 1200
)

func (v *conversation) words(n int) string {
	if v.shape.fresh {
		return v.c.cut(v.rng, n)
	}
	return v.c.text[:strings.LastIndexByte(v.c.text[:n], ' ')]
}

// begin starts another session, with as many messages as its first body has to have.
func (v *conversation) begin() {
	v.turn = 0
	v.id = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", v.rng.Uint32(), v.rng.IntN(1<<16), v.rng.IntN(1<<12), v.rng.IntN(1<<12), v.rng.Uint64()>>16)
	h := append(v.history[:0], `[{"role":"user","content":[{"type":"text","text":"`...)
	h = append(h, v.c.cut(v.rng, 1000)...)
	h = append(h, `"}]}`...)
	for left := v.shape.size - systemBytes - tools*(toolBytes+120) - 1500; left > 0; left -= 8 << 10 {
		h = fmt.Appendf(h, `,{"role":"assistant","content":[{"type":"text","text":"%s"}]},{"role":"user","content":[{"type":"text","text":"%s"}]}`,
			v.c.cut(v.rng, 100), v.c.cut(v.rng, min(left, 8<<10)))
	}
	v.history = h
}

// proseOf gives n letters and spaces, the same each time.
func proseOf(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(word(rng))
		b.WriteByte(' ')
	}
	return b.String()[:n]
}

func word(rng *rand.Rand) string { return words[rng.IntN(len(words))] }

var words = strings.Fields(`account adjust ledger batch billing branch broker budget cache candidate
	capture carrier claim client cluster column commit config cursor customer daemon decode deploy digest
	dispatch domain driver encode engine entry export factor fetch filter fixture flush forward gateway
	header history import index intake invoice issuer journal kernel latency layout loader locker mapper
	margin matcher merge meter mirror module monitor notice object offset order origin packet parser
	the and of a to in is that it for on was as with be by at this from or an are not which but have
	partner payout period planner policy portal prefix pricing probe profile queue quota reader rebate
	reconcile record refund region registry release render report request reserve resolver result retry
	router sample scanner schedule schema scope sender server settle shard signal snapshot source stage
	statement storage stream summary supplier switch tenant ticket tracker transfer trigger update
	upload usage validate vendor verify version voucher wallet warehouse watch webhook worker writer`)
