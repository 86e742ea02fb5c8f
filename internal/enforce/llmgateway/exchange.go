package llmgateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/recorder"
	"github.com/tripod-audit/tripod/internal/policy"
	"github.com/tripod-audit/tripod/internal/secret"
)

// How an exchange ended.
const (
	endComplete    = "complete"
	endClientAbort = "client_abort"
	endReset       = "upstream_reset"
	endUnreachable = "upstream_unreachable"
	endRefused     = "refused"
	endStopped     = "stopped"
)

// exchangeKey is where a request's context holds its exchange.
type exchangeKey struct{}

// exchange is one request and its answer. The goroutine that serves it writes its fields; the one that reads behind it, of
// exchanges with a body, reads what was written before headed and left were closed.
type exchange struct {
	g      *Gateway
	began  time.Time // by the clock records go by
	clock  time.Time // by the clock durations are measured with
	route  route
	who    credential.Holder
	header http.Header // of the request; credentials are still in it
	rec    *recorder.Exchange

	credential string // names what the request authenticates with to the vendor
	supply     *supply
	supplied   secret.String

	client   *watched              // the body as the client sends it; nil where its end is nobody's matter
	deadline func(time.Time) error // of reading from the client
	body     *body                 // nil where it is passed on unread
	enforce  bool                  // rules take effect; the request is read, judged and on record before it goes
	decoded  int64                 // bytes of the budget that the decoded body takes
	redacted []byte                // what goes upstream in place of the body; nil: the body
	base     policy.Event          // what all events of this exchange share; written by whoever reads the request
	headed   chan struct{}         // closed once tap is written, or there will be none
	untie    func()                // closes headed, once
	left     chan struct{}         // closed once the exchange is over

	encoding string // of the answer; with stream, written before headed is closed
	stream   bool
	tap      *tap // what is read of the answer behind the traffic; nil where a guard reads it, or nobody
	reply    *messages.Reply
	status   int // of the answer the client got; 0 without one
	bytes    int64
	ended    string
	err      error
}

// open puts on record that an exchange begins.
func (x *exchange) open(r *http.Request) {
	mode := policy.Observe
	if x.enforce {
		mode = policy.Enforce
	}
	x.rec = x.g.recorder.Open(recorder.Opening{
		Method: r.Method, Path: r.URL.Path, Route: string(x.route), Header: bare(r.Header), Account: audit.Account{Proved: x.who.Proved}, Surface: x.who.Surface,
		Credential: x.who.Credential, UpstreamCredential: x.credential, IP: x.who.IP, Upstream: x.g.upstream.Host, Mode: string(mode),
	})
}

// bare is a header without what must stand in no record.
func bare(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "Proxy-Authorization", "X-Api-Key", "Cookie", caller.Header} {
		h.Del(name)
	}
	return h
}

// send gives the transport what goes upstream, from its beginning as often as it is asked for.
func (x *exchange) send(out *http.Request) {
	if x.body == nil {
		return
	}
	open := x.body.open
	if x.redacted != nil {
		open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.redacted)), nil }
		out.ContentLength = int64(len(x.redacted))
	}
	first, err := open()
	if err != nil {
		return // only what was read whole is ever closed to reading
	}
	out.Body, out.GetBody = first, open
}

// answered takes the head of an answer. A *saying as an error has the answer replaced.
func (x *exchange) answered(res *http.Response) error {
	x.status = res.StatusCode
	if x.client.unread() {
		res.Header.Set("Connection", "close")
	}
	x.rec.Answered(res.StatusCode, bare(res.Header))
	x.g.stats.firstByte(x.route, time.Since(x.clock))
	if x.supply != nil && res.StatusCode == http.StatusUnauthorized {
		x.supply.forget()
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return nil // from here on it is no answer but a connection
	}
	a := &answer{x: x, from: res.Body, ctx: res.Request.Context()}
	if x.body == nil {
		res.Body = a
		return nil
	}
	defer x.untie()
	x.encoding, x.stream = encodingOf(res.Header), streams(res.Header)
	if x.guards() && res.StatusCode == http.StatusOK {
		return x.guard(res, a)
	}
	a.tap = newTap(&x.g.kept)
	x.tap, res.Body = a.tap, a
	return nil
}

// guards reports whether the answer is held against rules before it is passed on.
func (x *exchange) guards() bool {
	return x.enforce && x.route == routeMessages &&
		(x.g.engine.Enforces(policy.PointToolCall) || x.g.engine.Enforces(policy.PointResponse))
}

// guard has the answer judged on its way. An encoded one is passed on decoded: what was judged is what is passed on.
func (x *exchange) guard(res *http.Response, a *answer) error {
	enc := encodingOf(res.Header)
	d, err := messages.Decoded(enc, a)
	if err != nil {
		if x.g.engine.Failures().UnknownEncoding == policy.Refuse {
			return says(statusPolicy, "permission_error", "This answer is in an encoding the gateway does not read, and your organisation lets none pass unread.")
		}
		a.tap = newTap(&x.g.kept)
		x.tap, res.Body = a.tap, a
		return nil
	}
	if enc != "" {
		res.Header.Del("Content-Encoding")
		res.Header.Del("Content-Length")
		res.ContentLength = -1
	}
	ctx := res.Request.Context()
	if streams(res.Header) {
		res.Header.Del("Content-Length")
		res.ContentLength = -1
		res.Body = newGuard(ctx, x, d, a.Close)
		return nil
	}
	body, out := x.guardWhole(ctx, d)
	if out != nil {
		return errors.Join(out, a.Close())
	}
	res.Header.Del("Content-Length")
	res.ContentLength = int64(len(body))
	whole := struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(body), a}
	if len(body) > messages.MaxReply {
		res.ContentLength, whole.Reader = -1, io.MultiReader(whole.Reader, d)
	}
	res.Body = whole
	return nil
}

// answer is the body of an answer on its way back.
type answer struct {
	x    *exchange
	from io.ReadCloser
	ctx  context.Context
	tap  *tap // nil: nobody reads behind
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
	a.x.bytes += int64(n)
	if a.tap != nil {
		a.tap.write(p[:n])
	}
	switch {
	case err == nil:
	case errors.Is(err, io.EOF):
		a.x.end(endComplete, nil)
	case a.ctx.Err() != nil:
		a.x.end(endOf(a.ctx), nil)
	default:
		a.x.end(endReset, err)
	}
	return n, err
}

// Close implements io.Closer. What is closed before its end was not wanted any more.
func (a *answer) Close() error {
	a.x.end(endOf(a.ctx), nil)
	return a.from.Close()
}

// endOf tells why a request's context ended, or its answer could not be written.
func endOf(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), ErrStopped) {
		return endStopped
	}
	return endClientAbort
}

// end notes how the exchange ended; the first to say so is right.
func (x *exchange) end(how string, err error) {
	if x.ended == "" {
		x.ended, x.err = how, err
	}
}

// ending is how the exchange ended, for the record.
func (x *exchange) ending() recorder.Ending {
	return recorder.Ending{How: x.ended, Reply: x.reply, Bytes: x.bytes, Err: x.err}
}

// leave is the last thing the serving goroutine does for a request, whichever way it went.
func (x *exchange) leave(ctx context.Context) {
	x.end(endOf(ctx), nil)
	x.g.stats.ended(x.route, x.ended, x.status)
	if x.body == nil {
		if x.rec == nil {
			return // not even let in
		}
		x.rec.End(x.ending())
		return
	}
	x.body.abandon()
	x.untie()
	if x.tap != nil {
		x.tap.close()
	}
	close(x.left)
}

func digestOf(b []byte) [32]byte { return sha256.Sum256(b) }
