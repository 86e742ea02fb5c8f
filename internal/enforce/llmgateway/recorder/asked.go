package recorder

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

const (
	mostPiece   = 4 << 20 // bytes of one piece; the rest of a longer one is cut
	mostPieces  = 1000    // of one record; the rest is joined in one more
	mostNames   = 256     // names of tools, betas in one attribute
	mostEntries = 5000    // records of one request; the rest comes with the next one, which sends everything again
)

// entry is a record of the exchange at this moment.
func (x *Exchange) entry(kind string, activity audit.Activity, outcome audit.Outcome) entry {
	rec := x.base
	rec.Type, rec.Activity, rec.Outcome, rec.Occurred = kind, activity, outcome, x.r.now()
	return entry{rec: rec}
}

func (e *entry) text(name, value string) {
	if value == "" {
		return
	}
	if len(value) > audit.MaxKeptString {
		value = cut(value, audit.MaxKeptString)
		e.rec.Flag(audit.FlagTruncated)
	}
	e.rec.Attributes = append(e.rec.Attributes, audit.TextAttr(name, value))
}

func (e *entry) count(name string, n int64) {
	e.rec.Attributes = append(e.rec.Attributes, audit.CountAttr(name, n))
}

func (e *entry) list(name string, values []audit.Value) {
	if len(values) == 0 {
		return
	}
	if len(values) > mostNames {
		values = values[:mostNames]
		e.rec.Flag(audit.FlagTruncated)
	}
	e.rec.Attributes = append(e.rec.Attributes, audit.Attr{Name: name, Value: audit.Array(values...)})
}

// piece adds content. What the capture policy will not keep is not even copied.
func (x *Exchange) piece(e *entry, name string, class audit.Class, kind audit.Kind, value string) {
	if len(e.pieces) > mostPieces {
		e.pieces[mostPieces].join(value)
		return
	}
	if len(e.pieces) == mostPieces {
		name, kind = "rest", audit.KindString
		e.rec.Flag(audit.FlagTruncated)
	}
	p := piece{Name: name, Class: class, Kind: kind, Bytes: len(value)}
	switch {
	case !x.level.Allows(class):
		p.Withheld = audit.WithheldPolicy
	case len(value) > mostPiece:
		p.Value, p.Truncated = []byte(cut(value, mostPiece)), true
	default:
		p.Value = []byte(value)
	}
	e.pieces = append(e.pieces, p)
}

// join adds a line to a piece that many share.
func (p *piece) join(value string) {
	p.Bytes += 1 + len(value)
	switch {
	case p.Withheld != "":
	case len(p.Value)+1+len(value) > mostPiece:
		p.Truncated = true
	case !p.Truncated:
		p.Value = append(append(p.Value, '\n'), value...)
	}
}

// cut cuts UTF-8 to at most n bytes, never inside a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// request is the record that says the exchange began.
func (x *Exchange) request() entry {
	e := x.entry(typeRequest, audit.ActivityModelRequest, audit.OutcomeUnknown)
	e.form = form(x.id, "request")
	h := x.o.Header
	e.text("route", x.o.Route)
	e.text("mode", x.o.Mode)
	e.text("upstream", x.o.Upstream)
	e.text("upstream_credential", x.o.UpstreamCredential)
	e.count("bytes", x.size)
	e.text("digest", x.digest)
	e.text("opaque", plain(x.opaque))
	var betas []audit.Value
	for _, line := range h.Values("Anthropic-Beta") {
		for beta := range strings.SplitSeq(line, ",") {
			if b := plain(strings.TrimSpace(beta)); b != "" {
				betas = append(betas, audit.String(b))
			}
		}
	}
	e.list("betas", betas)
	if n, err := strconv.ParseInt(h.Get("X-Stainless-Retry-Count"), 10, 32); err == nil && n >= 0 {
		e.count("retry", n)
	}
	e.text("request_class", plain(h.Get("X-Claude-Code-Request-Class")))
	e.text("agent_type", plain(h.Get("X-Claude-Code-Agent-Type")))
	if x.read == nil {
		return e
	}
	req := x.read
	e.text("model", plain(req.Model))
	e.rec.Attributes = append(e.rec.Attributes, audit.Attr{Name: "stream", Value: audit.Bool(req.Stream)})
	e.count("messages", int64(req.Messages))
	e.count("blocks", int64(len(req.Blocks)))
	fresh := 0
	for i := range req.Blocks {
		if !req.Blocks[i].Known {
			fresh++
		}
	}
	e.count("new_blocks", int64(fresh))
	if x.left > 0 {
		e.rec.Flag(audit.FlagTruncated)
		e.count("not_recorded", int64(x.left))
	}
	e.text("entrypoint", entrypoint(h, req.Billing))
	e.text("client_version", plain(req.Billing["cc_version"]))
	if req.Billing["cc_is_subagent"] == "true" {
		e.rec.Attributes = append(e.rec.Attributes, audit.Attr{Name: "subagent", Value: audit.Bool(true)})
	}
	e.text("previous_request", plain(req.Billing["cc_prev_req"]))
	e.list("capabilities", strs(req.Capabilities))
	return e
}

func strs(list []string) []audit.Value {
	var out []audit.Value
	for _, s := range list {
		if s = plain(s); s != "" {
			out = append(out, audit.String(s))
		}
	}
	return out
}

// asker goes through a request once.
type asker struct {
	x       *Exchange
	req     *messages.Request
	equals  map[string]int // how often each form came in this request
	history []byte         // chained digest of all messages so far, of a conversation without a session
	after   string         // digest of the model's last message so far: what a prompt answers to
	asking  int            // first message behind the last answer: what is asked now
	retry   bool
	list    []entry
	left    int // parts that are too many for one request
	told    int // 1 + which of the list tells whether an earlier attempt is on record
}

// asked makes records of what is new in a request. The second result says which of them tells whether an earlier attempt
// is on record; -1 for none.
func (x *Exchange) asked(req *messages.Request) ([]entry, int) {
	a := &asker{x: x, req: req, equals: make(map[string]int), retry: strings.Trim(x.o.Header.Get("X-Stainless-Retry-Count"), "0") != ""}
	x.tools = make(map[string]string)
	for i := range req.Blocks {
		b := &req.Blocks[i]
		if b.Part != messages.Message {
			continue
		}
		if b.Role == "assistant" {
			a.asking = b.Message + 1
			if b.Tool != "" && b.ID != "" {
				x.tools[b.ID] = b.Tool
			}
		}
	}
	for i := 0; i < len(req.Blocks); {
		end := i + 1
		for end < len(req.Blocks) && req.Blocks[end].Part == req.Blocks[i].Part && (req.Blocks[i].Part != messages.Message || req.Blocks[end].Message == req.Blocks[i].Message) {
			end++
		}
		group := req.Blocks[i:end]
		if group[0].Part == messages.Message {
			a.message(group)
		} else {
			a.context(group)
		}
		i = end
	}
	x.left = a.left
	return a.list, a.told - 1
}

// full reports whether no more of this request is recorded, and counts what is not.
func (a *asker) full() bool {
	if len(a.list) < mostEntries {
		return false
	}
	a.left++
	return true
}

// message makes records of one message.
func (a *asker) message(group []messages.Block) {
	for i := range group {
		a.chain(&group[i])
	}
	if group[0].Role == "assistant" {
		defer a.follow(group)
	}
	var said []*messages.Block
	for i := range group {
		switch b := &group[i]; {
		case isResult(b):
			a.toolResult(b)
		case b.Role == "assistant":
			if b.Tool != "" {
				a.toolCall(b)
			}
		default:
			said = append(said, b)
		}
	}
	if len(said) == 0 {
		return
	}
	if said[0].Role == "system" {
		a.systemMessage(said)
		return
	}
	a.prompt(said)
}

// follow notes what the model said last. Clients drop its thinking as the conversation goes on.
func (a *asker) follow(group []messages.Block) {
	var hashes []string
	for i := range group {
		if b := &group[i]; b.Type != "thinking" && b.Type != "redacted_thinking" {
			hashes = append(hashes, string(b.Hash[:]))
		}
	}
	a.after = string(form(hashes...))
}

func isResult(b *messages.Block) bool {
	return b.Role != "assistant" && (b.Type == "tool_result" || b.Type == "mcp_tool_result" || strings.HasSuffix(b.Type, "_tool_result"))
}

func (a *asker) chain(b *messages.Block) {
	if a.x.base.Keys.Session == "" {
		a.history = form(string(a.history), b.Role, string(b.Hash[:]))
	}
}

// keep keeps an entry unless it was noted before. It is remembered for ever by what it is, which of its equals in the
// request it is, and what conversation it stands in. What a client that names no session asks now is recorded each time:
// it may be another conversation that began the same way.
func (a *asker) keep(e entry, message int, fields ...string) bool {
	if a.full() {
		return false
	}
	x := a.x
	now := x.base.Keys.Session == "" && message >= a.asking && !a.retry
	e.form = form(append([]string{x.base.Container, x.base.Keys.Agent, string(a.history)}, fields...)...)
	n := a.equals[string(e.form)]
	a.equals[string(e.form)]++
	e.form = form(string(e.form), strconv.Itoa(n))
	fresh := x.r.seen.first(x.base.Container, e.form)
	if !fresh && !now {
		return false
	}
	if e.forever = !now; now {
		e.form = form(string(e.form), x.id)
	}
	a.list = append(a.list, e)
	if a.retry && message >= a.asking && e.forever {
		a.told = len(a.list) + 1 // the request itself comes first
	}
	return true
}

// prompt records what a user said. The same words in answer to something else are another prompt, also where a client has put a
// summary in the place of what came before.
func (a *asker) prompt(said []*messages.Block) {
	e := a.x.entry(typePrompt, audit.ActivityPrompt, audit.OutcomeSuccess)
	e.text("role", plain(said[0].Role))
	var hashes []string
	for _, b := range said {
		hashes = append(hashes, string(b.Hash[:]))
	}
	e.count("message_index", int64(said[0].Message))
	a.keepWith(e, said, audit.ClassText, said[0].Message, append([]string{"prompt", said[0].Role, a.after}, hashes...)...)
}

// keepWith keeps an entry with the content of some blocks, which is not copied where the entry is not kept.
func (a *asker) keepWith(e entry, blocks []*messages.Block, class audit.Class, message int, fields ...string) {
	if !a.keep(e, message, fields...) {
		return
	}
	at := len(a.list) - 1
	if message < a.asking-1 && len(blocks) > 0 && !blocks[0].Known && message >= 0 {
		// It stands before the last answer, and was not on record: it passed elsewhere, or before we stood here.
		a.list[at].rec.Flag(audit.FlagFromHistory)
	}
	a.x.content(&a.list[at], blocks, class)
}

func (a *asker) toolResult(b *messages.Block) {
	e := a.x.entry(typeToolResult, audit.ActivityToolResult, audit.OutcomeSuccess)
	if b.IsError {
		e.rec.Outcome = audit.OutcomeFailure
	}
	e.rec.Keys.ToolUse = plain(b.ID)
	e.rec.MCP, e.rec.Tool = splitMCP(a.x.tools[b.ID])
	e.text("block_type", plain(b.Type))
	a.keepWith(e, []*messages.Block{b}, audit.ClassText, b.Message, "tool_result", b.Role, string(b.Hash[:]))
}

// toolCall records a call that no answer was seen to make.
func (a *asker) toolCall(b *messages.Block) {
	e := a.x.called(b.Type, b.ID, b.Tool, b.Server)
	e.forever = true
	if b.ID == "" || a.full() || !a.x.r.seen.first(a.x.base.Container, e.form) {
		return
	}
	e.rec.Flag(audit.FlagFromHistory)
	if b.Input != nil {
		a.x.piece(&e, "tool_input", audit.ClassDetail, audit.KindMap, string(b.Input))
	}
	a.list = append(a.list, e)
}

// systemMessage records instructions in the middle of the messages.
func (a *asker) systemMessage(said []*messages.Block) {
	e := a.x.entry(typeContext, audit.ActivityState, audit.OutcomeSuccess)
	e.text("part", "message")
	e.count("message_index", int64(said[0].Message))
	var hashes []string
	for _, b := range said {
		hashes = append(hashes, string(b.Hash[:]))
	}
	a.keepWith(e, said, audit.ClassText, said[0].Message, append([]string{"system_message"}, hashes...)...)
}

// context records system prompt, tool definitions or other fields where they differ from all that is on record for the
// session.
func (a *asker) context(group []messages.Block) {
	x := a.x
	e := x.entry(typeContext, audit.ActivityState, audit.OutcomeSuccess)
	part := group[0].Part
	e.text("part", part.String())
	fields := []string{x.base.Container, "context", part.String()}
	var blocks []*messages.Block
	var names []string
	for i := range group {
		b := &group[i]
		if part == messages.System && i == 0 && x.read.Billing != nil {
			continue // it changes with each request, and its fields are attributes of that
		}
		blocks = append(blocks, b)
		fields = append(fields, string(b.Hash[:]))
		if b.Tool != "" {
			names = append(names, b.Tool)
		}
	}
	e.form, e.forever = form(fields...), true
	if len(blocks) == 0 || a.full() || !x.r.seen.first(x.base.Container, e.form) {
		return
	}
	e.count("blocks", int64(len(blocks)))
	class := audit.ClassText
	if part == messages.Tools {
		class = audit.ClassDetail
		e.list("tools", strs(names))
	}
	x.content(&e, blocks, class)
	a.list = append(a.list, e)
}

// content adds the texts of blocks as pieces, and describes their media.
func (x *Exchange) content(e *entry, blocks []*messages.Block, class audit.Class) {
	var types, sums, sizes []audit.Value
	for i, b := range blocks {
		if b.Part == messages.Tools { // a definition is one piece: its strings say little apart
			x.piece(e, fmt.Sprintf("tools[%d]", i), class, audit.KindString, joinTexts(b.Texts))
			continue
		}
		names := make(map[string]int)
		for _, t := range b.Texts {
			name := fmt.Sprintf("%s[%d]", t.What, i)
			if names[name]++; names[name] > 1 {
				name += "." + strconv.Itoa(names[name])
			}
			x.piece(e, cut(name, audit.MaxName), class, audit.KindString, t.Value)
		}
		for _, m := range b.Media {
			types = append(types, audit.String(first(plain(m.Type), b.Type)))
			sizes = append(sizes, audit.Int(int64(m.Bytes)))
			sums = append(sums, audit.String(hex.EncodeToString(m.Hash[:])))
		}
	}
	e.list("media", slices.Clip(types))
	e.list("media_bytes", sizes)
	e.list("media_sha256", sums)
}

func joinTexts(texts []messages.Text) string {
	var b strings.Builder
	for i, t := range texts {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t.Value)
	}
	return b.String()
}
