package llmgateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/policy"
)

// judgeFirst reads, judges and records a request before a byte of it goes upstream. It returns what is answered in place of
// the upstream; nil lets the request go.
func (x *exchange) judgeFirst(ctx context.Context) *saying {
	x.base = x.event(nil)
	rows := x.g.engine.Failures()
	whole, err := x.body.hold(x.deadline, x.g.cfg.MaxStall)
	if err != nil {
		x.end(endOf(ctx), err)
		return &saying{gone: true}
	}
	k, data, size, digest := x.body.taken()
	if k == bodyTooMuch && x.body.why() == whyBusy {
		x.rec.Opaque(whyBusy, size, digest)
		return busy()
	}
	if !whole || k != bodyWhole {
		x.rec.Opaque(whyTooLarge, size, digest)
		if rows.TooLarge == policy.Refuse {
			return says(http.StatusRequestEntityTooLarge, "request_too_large",
				"This request is larger than the gateway reads (%d MiB), and your organisation lets none pass unread.", x.g.cfg.MaxHeld>>20)
		}
		return x.durable(ctx, rows)
	}
	req, why := x.read(data)
	if why != "" {
		x.rec.Opaque(why, size, digestOf(data))
		if out := unread(why, rows); out != nil {
			return out
		}
		return x.durable(ctx, rows)
	}
	x.rec.Asked(req, size, nil)
	if out := x.decide(data, req, x.judge(ctx, req, true), rows); out != nil {
		return out
	}
	return x.durable(ctx, rows)
}

// busy tells a client to come again: its request would be read if not so many others were.
func busy() *saying {
	return &saying{refusal: refusal{status: statusOverloaded, kind: "overloaded_error", text: "The gateway reads as much as it can at the moment. Try again."}}
}

// statusOverloaded is the vendor's own, which clients try again after a while (https://platform.claude.com/docs/en/api/errors).
const statusOverloaded = 529

// unread answers in place of a request that could not be read, where the failure table does not let it pass.
func unread(why string, rows policy.Failures) *saying {
	if why == whyBusy {
		return busy()
	}
	row, reason := rows.UnknownEncoding, "its type or encoding is not one the gateway reads"
	switch why {
	case whyMalformed:
		row, reason = rows.Malformed, "it is not JSON that everybody reads alike"
	case whyTooLarge:
		row, reason = rows.TooLarge, "it is larger than the gateway reads"
	}
	if row != policy.Refuse {
		return nil
	}
	return says(statusPolicy, "permission_error", "This request was not let through: %s, and your organisation lets none pass unread.", reason)
}

// decide carries out what the verdicts on a request ask for.
func (x *exchange) decide(data []byte, req *messages.Request, judged []recorder.Judged, rows policy.Failures) *saying {
	var cuts []cut
	for i := range judged {
		v := &judged[i].Verdict
		switch {
		case v.Effect == policy.Deny:
			return x.deny(req, v)
		case rows.Of(v.Failed) == policy.Refuse && x.stops(&req.Blocks[judged[i].Block]):
			return says(http.StatusServiceUnavailable, "api_error",
				"This request was not let through: it could not be judged by your organisation's policy (%s). Try again; if it stays, ask your administrator.", failedWords(v.Failed))
		case v.Effect != policy.Redact:
			continue
		}
		if !x.g.cfg.Redact || encodingOf(x.header) != "" {
			return x.deny(req, v)
		}
		more, ok := x.g.redactions(data, &req.Blocks[judged[i].Block], v.Redactions())
		if !ok {
			return x.deny(req, v) // what cannot be replaced exactly does not pass
		}
		cuts = append(cuts, more...)
	}
	if len(cuts) > 0 {
		x.redacted = splice(data, cuts)
		x.g.stats.redacted.Add(float64(len(cuts)))
	}
	return nil
}

// stops reports whether a rule in force could stop such a block. Where none could, it makes no difference that it was not judged.
func (x *exchange) stops(b *messages.Block) bool {
	point, _ := pointOf(b)
	return x.g.engine.Enforces(point)
}

// failedWords says in general why something could not be judged.
func failedWords(err error) string {
	switch {
	case errors.Is(err, policy.ErrIncomplete):
		return "it took too long to read"
	case errors.Is(err, policy.ErrMalformed):
		return "part of it is not JSON that everybody reads alike"
	}
	return "the engine failed"
}

// deny answers with the words of the rule: as an answer of the model where the client reads a stream, which clients show as
// it is after one attempt; as an error otherwise.
func (x *exchange) deny(req *messages.Request, v *policy.Verdict) *saying {
	words := wordsOf(v)
	if req.Stream && x.route == routeMessages {
		return &saying{words: words, model: req.Model, stream: true}
	}
	return says(statusPolicy, "permission_error", "%s", words)
}

// wordsOf is what a rule tells the user.
func wordsOf(v *policy.Verdict) string {
	switch {
	case v.Message != "":
		return v.Message
	case v.Rule != "":
		return fmt.Sprintf("This was stopped by your organisation's policy (%s).", v.Rule)
	}
	return "This was stopped by your organisation's policy."
}

// durable waits until the request is on record.
func (x *exchange) durable(ctx context.Context, rows policy.Failures) *saying {
	began := time.Now()
	err := x.rec.Durable(ctx)
	x.g.stats.durable.Observe(time.Since(began).Seconds())
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		x.end(endOf(ctx), nil)
		return &saying{gone: true}
	}
	row := rows.JournalUnavailable
	if x.g.full() {
		row = rows.DiskFull
	}
	x.g.log.ErrorContext(ctx, "a request could not be put on record", "error", err, "row", string(row))
	if row != policy.Refuse {
		return nil
	}
	return says(http.StatusServiceUnavailable, "api_error",
		"This request was not let through: it could not be put on record, and your organisation lets none pass unrecorded. Your administrator has been told.")
}

// full reports whether the journal or the content store has no room.
func (g *Gateway) full() bool {
	for _, c := range g.health.Conditions() {
		if c.Code == "journal.full" || c.Code == "content.full" {
			return true
		}
	}
	return false
}

// hold reads the body up to what may be kept of it, and reports whether that was all. A client that sends nothing for a while is
// waited for no longer: what it has sent takes room that others need.
func (b *body) hold(deadline func(time.Time) error, stall time.Duration) (whole bool, err error) {
	if b.length > b.most {
		return false, nil
	}
	from, err := b.open()
	if err != nil {
		return false, err
	}
	_, err = io.CopyN(io.Discard, readerFunc(func(p []byte) (int, error) {
		_ = deadline(time.Now().Add(stall)) // where the connection knows none, the client is waited for
		return from.Read(p)
	}), b.most)
	if err == nil || errors.Is(err, io.EOF) {
		_ = deadline(time.Time{}) // else it stays: net/http waits for the rest of a body on its way out
	}
	switch {
	case errors.Is(err, io.EOF):
		return true, nil
	case err != nil:
		return false, err
	}
	return b.size == b.length, nil
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
