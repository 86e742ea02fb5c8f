package recorder

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// Types of the gateway's records.
const (
	typeRequest    = "llm.request"
	typePrompt     = "llm.prompt"
	typeToolResult = "llm.tool_result"
	typeContext    = "llm.context"
	typeToolCall   = "llm.tool_call"
	typeResponse   = "llm.response"
	typeEnd        = "llm.end"
	typeVerdict    = "llm.verdict"
	typeOther      = "llm.other"
)

// RouteMessages is the route whose requests and answers are conversations: their parts become records. Of other routes
// only the passage is one.
const RouteMessages = "messages"

// Opening is what is known of a request before its body is read.
type Opening struct {
	Method, Path string
	Route        string      // RouteMessages, or another name for records
	Header       http.Header // as the client sent it, without credentials
	Account      audit.Account
	Surface      audit.Surface // where the credential says which it is; "" is told by header and body
	Credential   string        // that the client showed to the gateway; "" for none
	// Upstream credential, by a name that does not give it away.
	UpstreamCredential string
	IP                 string
	Upstream           string // host
	Mode               string // "observe" or "enforce"
}

// Judged is what policy said of a block of a request.
type Judged struct {
	Block   int // index in Request.Blocks
	Verdict policy.Verdict
}

// Ending is how an exchange ended.
type Ending struct {
	// How: "complete", "client_abort", "upstream_reset", "upstream_unreachable", "refused" or "stopped".
	How   string
	Reply *messages.Reply // what was read of the answer; nil for nothing
	Bytes int64           // of the answer's body, as passed on
	Err   error           // of the upstream; only its kind is recorded
}

// endUnknown is how an exchange ended that an earlier run left open.
const endUnknown = "unknown"

// Exchange is one request and its answer. Its methods may be called in any order and never block, except Durable; what is
// noted after End is not kept.
type Exchange struct {
	r          *Recorder
	id         string
	credential string
	opened     time.Time
	clock      time.Time

	mu     sync.Mutex
	o      Opening
	level  audit.Class
	base   audit.Record // what all its records have in common
	begun  bool         // its beginning was noted
	lost   bool         // its beginning found no room: nothing of it is recorded
	ended  bool
	parts  int    // that found no room
	left   int    // parts of the request that were too many for one
	unsaid int    // verdicts and calls that were too many
	last   uint64 // number of its last note
	read   *messages.Request
	size   int64  // of the request's body
	digest string // of it, in hex
	opaque string // why the body was not read

	tools    map[string]string // names of the tools called in the history, by id
	status   int
	header   http.Header // of the answer
	ttfb     time.Duration
	answered map[*messages.ReplyBlock]bool // blocks that are on record; true: withheld
}

// Open begins an exchange. Nothing is written before its body is known, or before Durable or End.
func (r *Recorder) Open(o Opening) *Exchange {
	x := &Exchange{
		r: r, id: "gwx_" + rand.Text(), credential: o.Credential, opened: r.now(), clock: r.deps.Now(), o: o,
		answered: make(map[*messages.ReplyBlock]bool),
	}
	x.learn(nil)
	return x
}

// ID is our own id of the exchange, which all of its records have as the key "body".
func (x *Exchange) ID() string { return x.id }

// Record is what the records of the exchange have in common, for whoever judges it: source, surface, account, keys, model.
func (x *Exchange) Record() audit.Record {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.base
}

// Asked notes a request that was read, and what policy said of its blocks. size is the length of the body.
func (x *Exchange) Asked(req *messages.Request, size int64, judged []Judged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return
	}
	x.read, x.size, x.digest = req, size, hex.EncodeToString(req.Digest[:])
	x.learn(req)
	verdicts := x.judged(req, judged)
	if x.o.Route != RouteMessages {
		if len(verdicts) > 0 {
			x.note(verdicts, noteAs{})
		}
		return
	}
	if x.begun {
		x.note(verdicts, noteAs{})
		return
	}
	parts, retry := x.asked(req)
	x.begin(append(parts, verdicts...), retry)
}

// Judge notes verdicts on blocks of a request that was noted before.
func (x *Exchange) Judge(judged []Judged) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.read != nil {
		x.note(x.judged(x.read, judged), noteAs{})
	}
}

// Opaque notes a request whose body was not read, and why: "too_large", "encoding", "malformed" …
func (x *Exchange) Opaque(why string, size int64, digest [32]byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.opaque, x.size = why, size
	if digest != ([32]byte{}) {
		x.digest = hex.EncodeToString(digest[:])
	}
	if x.o.Route == RouteMessages {
		x.begin(nil, -1)
	}
}

// Durable returns nil when everything noted so far is in the journal; at least that the exchange began. An error wraps
// intake.ErrUnavailable or [ErrLost], or is the context's.
func (x *Exchange) Durable(ctx context.Context) error {
	x.mu.Lock()
	x.begin(nil, -1)
	lost, last := x.lost || x.parts > 0, x.last
	x.mu.Unlock()
	if lost {
		return ErrLost
	}
	return x.r.wait(ctx, last)
}

// elapsed is how long ago the exchange was opened.
func (x *Exchange) elapsed() time.Duration { return x.r.deps.Now().Sub(x.clock) }

// Answered notes the head of the answer.
func (x *Exchange) Answered(status int, h http.Header) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.status, x.header, x.ttfb = status, h.Clone(), x.elapsed()
	if id := plain(h.Get("Request-Id")); id != "" {
		x.base.Keys.Request = id
	}
}

// Block notes a whole block of the answer, what policy said of it, and whether it was withheld from the client.
func (x *Exchange) Block(b *messages.ReplyBlock, verdicts []policy.Verdict, withheld bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if _, twice := x.answered[b]; twice || x.ended {
		return
	}
	x.answered[b] = withheld
	if id := plain(b.Answer); id != "" {
		x.base.Keys.Message = id
	}
	var entries []entry
	if b.Tool != "" {
		entries = append(entries, x.toolCall(b, withheld))
	}
	entries = append(entries, x.answerVerdicts(b, verdicts)...)
	x.note(entries, noteAs{})
}

// End notes how the exchange ended. Only the first call counts.
func (x *Exchange) End(e Ending) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ended {
		return
	}
	x.ended = true
	defer x.release()
	if x.o.Route == RouteMessages {
		x.begin(nil, -1)
	}
	if x.lost {
		return
	}
	var answer []entry
	if e.Reply != nil && x.o.Route == RouteMessages {
		answer = x.answer(e.Reply)
	}
	x.note(answer, noteAs{})
	if x.o.Route == RouteMessages {
		x.note([]entry{x.end(e)}, noteAs{ends: true})
		return
	}
	x.note([]entry{x.other(e)}, noteAs{ends: x.begun})
}

// release lets go of what the exchange was made of: notes that wait refer to it.
func (x *Exchange) release() {
	x.read, x.tools, x.header, x.o.Header = nil, nil, nil, nil
	clear(x.answered)
}

// begin notes that the exchange began, once, with what is known of it.
func (x *Exchange) begin(with []entry, retry int) {
	if x.begun || x.lost {
		return
	}
	x.begun = true
	x.note(append([]entry{x.request()}, with...), noteAs{begins: true, retry: retry + 1})
}

// noteAs says what a note means for the exchange.
type noteAs struct {
	begins, ends bool
	retry        int // 1 + which of the entries tells of an earlier attempt; 0: none
}

// note hands entries to the writer. The caller holds the lock.
func (x *Exchange) note(entries []entry, as noteAs) {
	if x.lost || len(entries) == 0 {
		return
	}
	n := &note{x: x, entries: entries, begins: as.begins, ends: as.ends, retry: as.retry - 1}
	if x.r.push(n) {
		x.last = n.number
		return
	}
	x.r.seen.forget(x.base.Container)
	x.r.lose(as.begins)
	if as.begins {
		x.lost, x.begun = true, false
		return
	}
	x.parts++
}

// openState is what must be known to close the exchange without having seen its end. The writer calls it.
func (x *Exchange) openState() openExchange {
	x.mu.Lock()
	defer x.mu.Unlock()
	rec := x.base
	rec.Version = audit.SchemaVersion
	return openExchange{ID: x.id, Credential: x.credential, Opened: x.opened, Record: rec.AppendCanonical(nil)}
}
