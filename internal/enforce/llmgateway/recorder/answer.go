package recorder

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/enforce/llmgateway/messages"
)

// called is the record of a tool call, one for a session and the call's id, wherever it was seen.
func (x *Exchange) called(kind, id, name, server string) entry {
	e := x.entry(typeToolCall, audit.ActivityToolCall, audit.OutcomeSuccess)
	e.rec.Keys.ToolUse = plain(id)
	if e.rec.MCP, e.rec.Tool = splitMCP(name); server != "" {
		e.rec.MCP = plain(server)
	}
	e.text("block_type", plain(kind))
	e.form = form(x.base.Container, "tool_call", id)
	return e
}

// toolCall records a call that the answer makes.
func (x *Exchange) toolCall(b *messages.ReplyBlock, withheld bool) entry {
	e := x.called(b.Type, b.ID, b.Tool, b.Server)
	if e.forever = b.ID != ""; e.forever {
		x.r.seen.first(x.base.Container, e.form)
	} else {
		e.form = form(x.id, "tool_call", strconv.Itoa(b.Index))
	}
	if withheld {
		e.rec.Outcome = audit.OutcomeDenied
	}
	if b.Failed != nil {
		e.rec.Flag(audit.FlagMalformed)
	}
	if len(b.Input) > 0 {
		x.piece(&e, "tool_input", audit.ClassDetail, audit.KindMap, string(b.Input))
	}
	return e
}

// answer records what the model said, and the calls that were not noted as they came.
func (x *Exchange) answer(r *messages.Reply) []entry {
	x.base.Keys.Message = first(plain(r.ID), x.base.Keys.Message)
	if r.Model != "" {
		x.base.Model = first(plain(r.Model), x.base.Model)
	}
	var list []entry
	e := x.entry(typeResponse, audit.ActivityResponse, audit.OutcomeSuccess)
	e.form = form(x.id, "response")
	withheld := 0
	for i, b := range r.Blocks {
		held, noted := x.answered[b]
		if held {
			withheld++
		}
		if b.Tool != "" {
			switch {
			case !b.Whole || noted:
			case len(list) >= mostEntries:
				x.unsaid++
			default:
				list = append(list, x.toolCall(b, false))
			}
			continue
		}
		if text := b.Text(); text != "" {
			x.piece(&e, fmt.Sprintf("%s[%d]", first(plain(b.Type), "text"), i), audit.ClassText, audit.KindString, text)
		}
	}
	if len(e.pieces) == 0 {
		return list
	}
	e.text("stop_reason", plain(r.StopReason))
	e.count("blocks", int64(len(r.Blocks)))
	e.usage(&r.Usage)
	e.rec.Duration = int64(x.elapsed())
	if withheld > 0 {
		e.count("withheld", int64(withheld))
	}
	if r.Truncated {
		e.rec.Flag(audit.FlagTruncated)
	}
	if !r.Done {
		e.rec.Outcome = audit.OutcomeUnknown
	}
	return append(list, e)
}

// usage adds what the API counted, under the names telemetry has for it.
func (e *entry) usage(u *messages.Usage) {
	if !u.Told {
		return
	}
	e.count("input_tokens", u.Input)
	e.count("output_tokens", u.Output)
	e.count("cache_read_tokens", u.CacheRead)
	e.count("cache_creation_tokens", u.CacheCreation)
	for _, v := range []struct {
		name string
		n    int64
	}{
		{"cache_creation_5m_tokens", u.CacheCreation5m}, {"cache_creation_1h_tokens", u.CacheCreation1h},
		{"web_search_requests", u.WebSearch}, {"web_fetch_requests", u.WebFetch},
	} {
		if v.n != 0 {
			e.count(v.name, v.n)
		}
	}
	e.text("speed", plain(u.Speed))
	e.text("service_tier", plain(u.ServiceTier))
	e.text("inference_geo", plain(u.InferenceGeo))
}

// end is the record that says how the exchange ended.
func (x *Exchange) end(end Ending) entry {
	e := x.entry(typeEnd, audit.ActivityModelRequest, x.outcome(end))
	e.form = form(x.id, "end")
	e.rec.Duration = int64(x.elapsed())
	e.passage(x, end)
	if x.ttfb > 0 {
		e.count("ttfb_ns", int64(x.ttfb))
	}
	if r := end.Reply; r != nil {
		e.text("stop_reason", plain(r.StopReason))
		e.usage(&r.Usage)
		if r.Error != nil {
			e.text("error_type", plain(r.Error.Type))
			if e.rec.Keys.Request == "" {
				e.rec.Keys.Request = plain(r.Error.RequestID)
			}
		}
		if r.Malformed > 0 {
			e.count("malformed_events", int64(r.Malformed))
		}
		if r.Restarts > 0 {
			e.count("restarts", int64(r.Restarts))
		}
	}
	if n := x.parts + x.unsaid; n > 0 {
		e.count("not_recorded", int64(n))
	}
	x.limits(&e)
	return e
}

// other is the record of a passage that is no conversation.
func (x *Exchange) other(end Ending) entry {
	e := x.entry(typeOther, audit.ActivityModelRequest, x.outcome(end))
	e.form = form(x.id, "other")
	e.rec.Duration = int64(x.elapsed())
	e.text("method", plain(x.o.Method))
	e.text("route", x.o.Route)
	e.count("request_bytes", x.size)
	e.text("digest", x.digest)
	e.text("opaque", plain(x.opaque))
	e.passage(x, end)
	x.piece(&e, "path", audit.ClassDetail, audit.KindString, x.o.Path)
	x.limits(&e)
	return e
}

// passage adds what every ending tells.
func (e *entry) passage(x *Exchange, end Ending) {
	e.text("ended", end.How)
	if x.status > 0 {
		e.count("status", int64(x.status))
	}
	e.count("bytes", end.Bytes)
	e.text("upstream", x.o.Upstream)
	e.text("failure", failure(end.Err))
	if x.header != nil {
		e.text("organization.id", plain(x.header.Get("Anthropic-Organization-Id")))
	}
}

// limits adds what the answer's head says of limits.
func (x *Exchange) limits(e *entry) {
	if x.header == nil {
		return
	}
	e.text("retry_after", plain(first(x.header.Get("Retry-After-Ms"), x.header.Get("Retry-After"))))
	for _, what := range []struct{ header, name string }{
		{"Requests", "requests"}, {"Tokens", "tokens"}, {"Input-Tokens", "input_tokens"}, {"Output-Tokens", "output_tokens"},
	} {
		if n, err := strconv.ParseInt(x.header.Get("Anthropic-Ratelimit-"+what.header+"-Remaining"), 10, 64); err == nil {
			e.count("ratelimit_"+what.name+"_remaining", n)
		}
	}
}

func (x *Exchange) outcome(end Ending) audit.Outcome {
	switch {
	case end.How == "refused":
		return audit.OutcomeDenied
	case end.How == "upstream_reset", end.How == "upstream_unreachable", x.status >= 400, end.Reply != nil && end.Reply.Error != nil:
		return audit.OutcomeFailure
	case end.How == "complete" && x.status > 0:
		return audit.OutcomeSuccess
	}
	return audit.OutcomeUnknown
}

// failure names the kind of an error of the upstream. Its text may quote what passed.
func failure(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case err == nil:
		return ""
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return "closed_early"
	case errors.As(err, &dns):
		return "name_not_resolved"
	case errors.As(err, &op):
		return "connection_" + plain(op.Op)
	}
	return "other"
}
