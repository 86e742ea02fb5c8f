package llmgateway

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// guard passes on a stream of events under an enforcing rule. Bytes go out as they come, but for blocks that ask the client
// to run a tool: these are held until they are whole and judged, with what comes behind them. Keep-alives pass at once. It
// is read by one goroutine.
type guard struct {
	from  io.Reader // decoded
	close func() error
	x     *exchange
	l     *listener
	rows  policy.Failures
	holds bool // some rule may deny a tool call
	split messages.Splitter

	buf   []byte
	out   []byte // to be read
	at    int    // how much of it was
	queue []queued
	held  int                             // bytes in queue
	said  map[*messages.ReplyBlock]string // what is said in place of a held block that was judged; "" lets it out

	open  map[int]bool // blocks the client saw begin and not end
	next  int          // the index behind the last block that went out
	tools int          // tool calls that went out
	gone  int          // tool calls that were withheld
	ended bool         // nothing more goes out
	err   error        // what from ended with
}

// queued is an event that waits: of a held block, or behind it.
type queued struct {
	raw, data []byte
	messages.Change
}

// mostHeld bounds the bytes that wait; an answer's own bound is far below.
const mostHeld = 2 * messages.MaxReply

func newGuard(ctx context.Context, x *exchange, from io.Reader, close func() error) *guard {
	g := &guard{
		from: from, close: close, x: x, l: x.listen(ctx), rows: x.g.engine.Failures(), holds: x.g.engine.Enforces(policy.PointToolCall), buf: make([]byte, 16<<10),
		said: map[*messages.ReplyBlock]string{}, open: map[int]bool{},
	}
	x.reply = &g.l.reply
	return g
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	for g.at == len(g.out) {
		if g.ended {
			return 0, io.EOF
		}
		if g.err != nil {
			return 0, g.err
		}
		g.out, g.at = g.out[:0], 0
		n, err := g.from.Read(g.buf)
		g.split.Write(g.buf[:n], g.take)
		if err != nil && !g.ended {
			g.finish(err)
		}
	}
	n := copy(p, g.out[g.at:])
	g.at += n
	return n, nil
}

// Close implements io.Closer.
func (g *guard) Close() error { return g.close() }

// finish is the end of what the upstream sends. A block that never became whole was never judged and does not go out, nor
// does what stands behind it; an event that was never completed is none, though some clients would read it.
func (g *guard) finish(err error) {
	g.err = err
	g.x.unfinished(g.l)
	if rest := g.split.Rest(); errors.Is(err, io.EOF) && len(bytes.TrimSpace(rest)) == 0 {
		g.out = append(g.out, rest...)
	}
}

// take passes on one event, has it wait, or puts something in its place.
func (g *guard) take(e messages.Event) {
	switch {
	case g.ended:
		return
	case e.Data == nil && !e.TooLong, isPing(e):
		g.out = append(g.out, e.Raw...)
		return
	}
	c, v, is, err := g.l.hear(e)
	row := g.rows.Malformed
	if e.TooLong {
		row = g.rows.TooLarge
	}
	refused, response := "", false
	if is {
		point := answerEvent(g.l.base, c.Block).Point
		refused, response = g.x.refuses(&g.rows, point, &v), point == policy.PointResponse
	}
	switch {
	case err != nil && row == policy.Refuse:
		g.stop("The gateway could not read a part of this answer, and your organisation lets none pass unread.")
		return
	case refused != "" && response:
		g.x.rec.Block(c.Block, g.l.verdicts(c.Block), true)
		g.stop(refused)
		return
	}
	held := c.Block != nil && g.withholds(c.Block)
	if c.Whole {
		words := ""
		if held {
			words = refused
			g.said[c.Block] = words
		}
		g.x.rec.Block(c.Block, g.l.verdicts(c.Block), words != "")
	}
	q := queued{raw: e.Raw, data: e.Data, Change: c}
	if len(g.queue) == 0 && !held {
		g.release(q)
		return
	}
	q.raw, q.data = bytes.Clone(e.Raw), bytes.Clone(e.Data)
	g.queue, g.held = append(g.queue, q), g.held+len(e.Raw)
	if g.held > mostHeld {
		g.stop("A tool call in this answer is larger than the gateway reads, and your organisation lets none pass unread.")
		return
	}
	g.drain()
}

// withholds reports whether a block is held until it has been judged.
func (g *guard) withholds(b *messages.ReplyBlock) bool { return g.holds && withholds(b) }

// isPing reports whether an event is a keep-alive by its name and by its data: a client may go by either.
func isPing(e messages.Event) bool {
	if e.Name != "ping" || e.TooLong {
		return false
	}
	start, end, ok := member(e.Data, "type")
	return ok && string(e.Data[start:end]) == `"ping"`
}

// refuses is what is said in place of a part of an answer; "" lets it pass.
func (x *exchange) refuses(rows *policy.Failures, point policy.Point, v *policy.Verdict) string {
	switch {
	case v.Effect == policy.Deny:
		return wordsOf(v)
	case rows.Of(v.Failed) == policy.Refuse && x.g.engine.Enforces(point):
		return "A part of this answer could not be judged by your organisation's policy and was held back: " + failedWords(v.Failed) + "."
	}
	return ""
}

// drain lets out what waits no longer.
func (g *guard) drain() {
	n := 0
	for ; n < len(g.queue); n++ {
		q := &g.queue[n]
		if q.Block == nil || !g.withholds(q.Block) {
			g.release(*q)
			continue
		}
		words, judged := g.said[q.Block]
		switch {
		case !judged:
			g.keep(n)
			return
		case words == "":
			g.release(*q)
		case q.Began: // where it began, so that blocks stay in their order
			g.out = appendTextBlock(g.out, q.Block.Index, words)
			g.next = max(g.next, q.Block.Index+1)
			g.gone++
			g.x.g.stats.withheld.Inc()
		}
	}
	g.keep(n)
}

// keep forgets the first n that waited.
func (g *guard) keep(n int) {
	for i := range g.queue[:n] {
		g.held -= len(g.queue[i].raw)
	}
	g.queue = append(g.queue[:0], g.queue[n:]...)
}

// release lets one event out.
func (g *guard) release(q queued) {
	if b := q.Block; b != nil {
		if q.Began {
			g.open[b.Index] = true
			g.next = max(g.next, b.Index+1)
			if g.withholds(b) {
				g.tools++
			}
		}
		if q.Whole {
			delete(g.open, b.Index)
		}
	}
	if g.gone > 0 && g.tools == 0 {
		if raw, is := endTurn(q.raw, q.data); is {
			g.out = append(g.out, raw...)
			return
		}
	}
	g.out = append(g.out, q.raw...)
}

// stop ends the answer in good form: what is open is closed, our words follow, and the turn is over. What comes after is not
// passed on.
func (g *guard) stop(words string) {
	g.ended = true
	for i := range g.next {
		if g.open[i] {
			g.out = appendBlockStop(g.out, i)
		}
	}
	g.out = appendEnd(appendTextBlock(g.out, g.next, words), g.l.reply.Usage.Output)
	for _, b := range g.l.reply.Blocks {
		if !b.Whole {
			g.x.rec.Block(b, g.l.verdicts(b), true)
		}
	}
	g.queue = nil
	g.x.ended = endRefused
	g.x.g.stats.cut.Inc()
}
