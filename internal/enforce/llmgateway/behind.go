package llmgateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/policy"
)

// mostDecoded bounds what one encoded answer may stand for.
const mostDecoded = 256 << 20

// readBehind reads one exchange behind the traffic, from its request to its end, and puts it on record. Nothing that passes
// waits for it.
func (x *exchange) readBehind(ctx context.Context) {
	<-x.body.whole
	if !x.enforce {
		x.giveWay()
		x.readRequest(ctx)
	}
	<-x.headed
	x.body.release()
	x.g.kept.give(x.decoded)
	if x.tap != nil {
		x.readAnswer(ctx)
		x.tap.drain()
	}
	<-x.left
	x.rec.End(x.ending())
}

// mostGiveWay is how long a request that has gone is left unread so that its answer comes first, if it comes at once. A model
// takes longer.
const mostGiveWay = 20 * time.Millisecond

// giveWay leaves the processor to the traffic.
func (x *exchange) giveWay() {
	timer := time.NewTimer(mostGiveWay)
	defer timer.Stop()
	select {
	case <-x.left:
	case <-timer.C:
	}
}

// readRequest reads and judges the body after it has gone.
func (x *exchange) readRequest(ctx context.Context) {
	k, data, size, digest := x.body.taken()
	x.base = x.event(nil)
	switch k {
	case bodyTooMuch:
		x.rec.Opaque(x.body.why(), size, digest)
		return
	case bodyPart:
		x.rec.Opaque(whyIncomplete, size, digest)
		return
	}
	x.g.slots <- struct{}{}
	defer func() { <-x.g.slots }()
	req, why := x.read(data)
	if why != "" {
		x.rec.Opaque(why, size, digestOf(data))
		return
	}
	x.rec.Asked(req, size, nil)
	x.judge(ctx, req, false)
}

// read reads a body that was kept; why says why it could not be.
func (x *exchange) read(data []byte) (req *messages.Request, why string) {
	if enc := encodingOf(x.header); enc != "" {
		d, err := messages.Decoded(enc, bytes.NewReader(data))
		if err != nil {
			return nil, whyEncoding
		}
		within := &charged{from: io.LimitReader(d, x.g.cfg.MaxHeld+1), budget: &x.g.kept}
		data, err = io.ReadAll(within)
		x.decoded = within.taken
		switch {
		case errors.Is(err, errBusy):
			return nil, whyBusy
		case err != nil:
			return nil, whyEncoding
		case int64(len(data)) > x.g.cfg.MaxHeld:
			return nil, whyTooLarge
		}
	}
	if !isJSON(x.header.Values("Content-Type")) {
		return nil, whyEncoding
	}
	req, err := x.g.memory.Read(x.conversation(), data)
	if err != nil {
		return nil, whyMalformed
	}
	return req, ""
}

// encodingOf is the content coding of a body, however many headers tell it.
func encodingOf(h http.Header) string { return strings.Join(h.Values("Content-Encoding"), ",") }

// isJSON reports whether everybody would read a body as JSON in UTF-8, by its type; without one it is taken for that.
func isJSON(types []string) bool {
	if len(types) == 0 || len(types) == 1 && types[0] == "" {
		return true
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || len(types) > 1 || media != "application/json" && media != "text/plain" {
		return false
	}
	charset := strings.ToLower(params["charset"])
	return charset == "" || charset == "utf-8" || charset == "utf8" || charset == "us-ascii"
}

// Why a body was not read, on record.
const (
	whyBusy       = "busy" // as much is being read as may be
	whyEncoding   = "unknown_encoding"
	whyTooLarge   = "too_large"
	whyMalformed  = "malformed"
	whyIncomplete = "incomplete"
)

// listener follows an answer, block by block, and has each judged.
type listener struct {
	x       *exchange
	ctx     context.Context
	base    policy.Event
	reply   messages.Reply
	streams map[*messages.ReplyBlock]*policy.Stream
	found   map[*messages.ReplyBlock][]policy.Verdict
}

func (x *exchange) listen(ctx context.Context) *listener {
	return &listener{x: x, ctx: ctx, base: x.base, streams: map[*messages.ReplyBlock]*policy.Stream{}, found: map[*messages.ReplyBlock][]policy.Verdict{}}
}

// hear takes one event. The verdict is the last that something new led to, or that a whole block has; is says there is one.
func (l *listener) hear(e messages.Event) (c messages.Change, v policy.Verdict, is bool, err error) {
	if c, err = l.reply.Accept(e); err != nil || c.Block == nil {
		return c, v, false, err
	}
	if !callsTool(c.Block) && len(c.Text) > 0 {
		s := l.streams[c.Block]
		if s == nil {
			s = l.x.g.engine.Stream(answerEvent(l.base, c.Block))
			l.streams[c.Block] = s
		}
		v, is = s.Write(c.Text)
	}
	if c.Whole {
		w, more := l.judgeWhole(c.Block)
		if more {
			v, is = w, true
		}
	}
	if is {
		l.x.seen(&v)
		l.found[c.Block] = append(l.found[c.Block], v)
	}
	return c, v, is, nil
}

func (l *listener) judgeWhole(b *messages.ReplyBlock) (v policy.Verdict, is bool) {
	if s := l.streams[b]; s != nil {
		delete(l.streams, b)
		return s.Close()
	}
	if !callsTool(b) {
		return v, false
	}
	v = l.x.evaluate(l.ctx, answerEvent(l.base, b))
	if b.Failed != nil && v.Failed == nil {
		v.Failed = policy.ErrMalformed
	}
	return v, len(v.Matches) > 0 || v.Failed != nil
}

// verdicts are those of a block, the last of a growing text standing for those before it.
func (l *listener) verdicts(b *messages.ReplyBlock) []policy.Verdict {
	if list := l.found[b]; len(list) > 0 {
		return list[len(list)-1:]
	}
	return nil
}

// readAnswer reads what was passed on.
func (x *exchange) readAnswer(ctx context.Context) {
	l := x.listen(ctx)
	x.reply = &l.reply
	d, err := messages.Decoded(x.encoding, x.tap)
	if err != nil {
		return // that it was not read shows in the record: no block, no usage
	}
	from := io.LimitReader(d, mostDecoded)
	if !x.stream {
		x.readWhole(l, from)
		return
	}
	var split messages.Splitter
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		split.Write(buf[:n], func(e messages.Event) {
			c, _, _, err := l.hear(e)
			if err == nil && c.Whole {
				x.rec.Block(c.Block, l.verdicts(c.Block), false)
			}
		})
		if err != nil {
			break
		}
	}
	l.reply.Truncated = l.reply.Truncated || x.tap.lost()
	x.unfinished(l)
}

// unfinished puts blocks on record that the answer broke off in.
func (x *exchange) unfinished(l *listener) {
	for _, b := range l.reply.Blocks {
		if b.Whole {
			continue
		}
		if s := l.streams[b]; s != nil {
			if v, is := s.Close(); is {
				x.seen(&v)
				l.found[b] = append(l.found[b], v)
			}
		}
		x.rec.Block(b, l.verdicts(b), false)
	}
}

// readWhole reads an answer that is no stream.
func (x *exchange) readWhole(l *listener, from io.Reader) {
	body, err := io.ReadAll(io.LimitReader(from, messages.MaxReply+1))
	if err != nil || len(body) > messages.MaxReply {
		return
	}
	reply, err := messages.ReadReply(body)
	if err != nil {
		return
	}
	x.reply = reply
	for _, b := range reply.Blocks {
		x.rec.Block(b, l.judgeText(b), false)
	}
}

// judgeText judges a block of an answer that came at once.
func (l *listener) judgeText(b *messages.ReplyBlock) []policy.Verdict {
	ev := answerEvent(l.base, b)
	ev.Text = b.Text()
	v := l.x.evaluate(l.ctx, ev)
	if b.Failed != nil && v.Failed == nil {
		v.Failed = policy.ErrMalformed
	}
	if len(v.Matches) == 0 && v.Failed == nil {
		return nil
	}
	return []policy.Verdict{v}
}

// streams reports whether an answer is a stream of events.
func streams(h http.Header) bool {
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return (err == nil || errors.Is(err, mime.ErrInvalidMediaParameter)) && media == "text/event-stream"
}
