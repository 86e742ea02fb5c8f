package llmgateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/enforce/caller"
	"github.com/tripod-audit/tripod/internal/secret"
)

// route is what a request asks for, as far as the gateway knows.
type route string

const (
	routeMessages route = "messages"
	routeCount    route = "count_tokens"
	routeModels   route = "models"
	routeHello    route = "hello"
	routeOther    route = "other"
)

func routeOf(method, path string) route {
	switch {
	case path == "/v1/messages" && method == http.MethodPost:
		return routeMessages
	case path == "/v1/messages/count_tokens" && method == http.MethodPost:
		return routeCount
	case path == "/v1/models" || len(path) > len("/v1/models/") && path[:len("/v1/models/")] == "/v1/models/":
		return routeModels
	case path == "/api/hello":
		return routeHello
	}
	return routeOther
}

// reads reports whether the body is a conversation that the gateway reads.
func (r route) reads() bool { return r == routeMessages || r == routeCount }

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

// exchange is one request and its answer. It is used by the goroutine that serves it.
type exchange struct {
	g     *Gateway
	began time.Time // by the clock records go by
	clock time.Time // by the clock durations are measured with
	route route
	who   caller.Caller

	credential string // names what the request authenticates with to the vendor
	supply     *supply
	supplied   secret.String

	body   *body // nil where it is passed on unread
	status int   // of the answer; 0 before there is one
	ended  string
	err    error
}

// send gives the transport the body, and leave to send it again where that is safe: nothing of an answer has come, and a
// conversation may be asked for twice. The header is a sign between us and the transport and has no value that is sent.
func (x *exchange) send(out *http.Request) {
	if x.body == nil {
		return
	}
	first, err := x.body.open()
	if err != nil {
		return // it was not read yet
	}
	out.Body = first
	out.GetBody = x.body.open
	if _, own := out.Header["X-Idempotency-Key"]; !own {
		out.Header["X-Idempotency-Key"] = nil
	}
}

// modifyResponse takes the head of an answer.
func modifyResponse(res *http.Response) error {
	x, ok := res.Request.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return nil
	}
	x.answered(res)
	return nil
}

func (x *exchange) answered(res *http.Response) {
	x.status = res.StatusCode
	x.g.stats.firstByte(x.route, time.Since(x.clock))
	if x.supply != nil && res.StatusCode == http.StatusUnauthorized {
		x.supply.forget()
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		return // from here on it is no answer but a connection
	}
	res.Body = &answer{x: x, from: res.Body, ctx: res.Request.Context()}
}

// answer is the body of an answer on its way back.
type answer struct {
	x    *exchange
	from io.ReadCloser
	ctx  context.Context
}

// Read implements io.Reader.
func (a *answer) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
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

// unreached answers where the upstream did not.
func unreached(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := r.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	if r.Context().Err() != nil {
		x.end(endOf(r.Context()), nil)
		return // nobody is there to be answered
	}
	x.end(endUnreachable, err)
	x.g.log.WarnContext(r.Context(), "the upstream did not answer", "upstream", x.g.upstream.Host, "error", err)
	refusal{status: http.StatusBadGateway, kind: "api_error", text: fmt.Sprintf("the gateway could not reach %s", x.g.upstream.Host)}.write(w, newRequestID())
}

// refuse answers in place of the upstream.
func (x *exchange) refuse(w http.ResponseWriter, out refusal) {
	x.status = out.status
	x.end(endRefused, nil)
	out.write(w, newRequestID())
}

// end notes how the exchange ended; the first to say so is right.
func (x *exchange) end(how string, err error) {
	if x.ended == "" {
		x.ended, x.err = how, err
	}
}

// leave is the last thing done for a request, whichever way it went.
func (x *exchange) leave(ctx context.Context) {
	x.end(endOf(ctx), nil)
	if x.body != nil {
		x.body.abandon()
		x.body.release()
	}
	x.g.stats.ended(x.route, x.ended, x.status)
}
