package fleet

import (
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/simulate/world"
)

func (pl *player) request(a *world.Act) {
	r := a.Request
	pl.reach(a, a.At)
	if pl.p.Client.Gates.RawBodies && pl.dialect.clientIDs {
		pl.event(a, a.At.Add(-r.Duration), "api_request_body", pl.root(a), func(l *attributes) { pl.requestBody(l, a) })
	}
	switch {
	case r.Status != 0 || r.Error != "":
		pl.failed(a)
	default:
		pl.answered(a)
	}
	pl.requestSpan(a)
	if a.Keys.Agent == "" && r.Stop != "tool_use" && r.Source != "compact" && pl.turn.open {
		pl.close(a.At.Add(time.Second)) // the model has nothing more to do
	}
}

func (pl *player) answered(a *world.Act) {
	r, d := a.Request, &pl.dialect
	span := pl.root(a)
	pl.model = r.Model
	if r.Stop == "refusal" && d.requests && !d.asText {
		pl.event(a, a.At, "api_refusal", span, func(l *attributes) {
			l.str("model", r.Model)
			l.some("request_id", a.Keys.Request)
			l.str("speed", "normal")
			l.int("attempt", int64(r.Attempt))
			l.bool("server_fallback_hop", false)
			l.str("query_source", r.Source)
			l.some("effort", r.Effort)
			l.bool("has_category", false)
			l.bool("has_explanation", false)
			pl.attribute(l, a)
		})
	}
	pl.meter.usage(pl.points(a), a, pl.attribution(a), d)
	pl.event(a, a.At, "api_request", span, func(l *attributes) {
		l.str("model", r.Model)
		l.count("input_tokens", r.Input, d.asText)
		l.count("output_tokens", r.Output, d.asText)
		l.count("cache_read_tokens", r.CacheRead, d.asText)
		l.count("cache_creation_tokens", r.CacheCreate, d.asText)
		if d.latest {
			l.int("cache_creation_5m_tokens", 0)
			l.int("cache_creation_1h_tokens", 0)
		}
		cost := dollars(r.CostMicros)
		if d.asText {
			l.str("cost_usd", string(jsonNumber(nil, cost)))
		} else {
			l.real("cost_usd", cost)
			l.int("cost_usd_micros", r.CostMicros)
		}
		l.count("duration_ms", r.Duration.Milliseconds(), d.asText)
		if d.times {
			l.int("ttft_ms", r.FirstToken.Milliseconds())
		}
		pl.whichRequest(l, a)
		pl.attribute(l, a)
	})
	if d.responses && r.Text != "" {
		pl.event(a, a.At, "assistant_response", span, func(l *attributes) {
			l.int("response_length", units(r.Text))
			l.str("response", shown(pl.p.Client.Gates.Responses, r.Text))
			l.some("request_id", a.Keys.Request)
			if d.ids {
				l.some("message.uuid", a.Keys.Message)
			}
			l.str("model", r.Model)
			l.str("query_source", r.Source)
			if d.latest {
				l.some("agent_id", a.Keys.Agent)
			}
		})
	}
	if pl.p.Client.Gates.RawBodies && d.clientIDs {
		pl.event(a, a.At, "api_response_body", span, func(l *attributes) { pl.responseBody(l, a) })
	}
}

func (pl *player) failed(a *world.Act) {
	r, d := a.Request, &pl.dialect
	span := pl.root(a)
	asText := d.asText || pl.p.Client.Product == world.Cowork
	pl.event(a, a.At, "api_error", span, func(l *attributes) {
		l.str("model", r.Model)
		l.str("error", r.Error)
		if r.Status != 0 {
			l.count("status_code", int64(r.Status), asText)
		} else if asText {
			l.str("status_code", "undefined")
		}
		l.count("duration_ms", r.Duration.Milliseconds(), d.asText)
		l.count("attempt", int64(r.Attempt), d.asText)
		pl.whichRequest(l, a)
		pl.attribute(l, a)
	})
	if r.Attempt > 1 {
		pl.event(a, a.At, "api_retries_exhausted", span, func(l *attributes) {
			l.str("model", r.Model)
			l.str("error", r.Error)
			if r.Status != 0 {
				l.count("status_code", int64(r.Status), asText)
			}
			l.count("total_attempts", int64(r.Attempt), d.asText)
			l.count("total_retry_duration_ms", r.Duration.Milliseconds(), d.asText)
			if d.requests {
				l.str("speed", "normal")
			}
		})
	}
}

// whichRequest adds what tells a request from others. The client sends an id of its own to the vendor alone.
func (pl *player) whichRequest(l *attributes, a *world.Act) {
	d := &pl.dialect
	if !d.requests {
		return
	}
	l.some("request_id", a.Keys.Request)
	if d.clientIDs && !pl.p.Device.Gateway {
		l.some("client_request_id", a.Keys.ClientRequest)
	}
	l.str("speed", "normal")
	l.str("query_source", a.Request.Source)
	l.some("effort", a.Request.Effort)
}

// attribution is for whom and for which tool's result a request was made.
type attribution struct{ agent, server, tool string }

func (pl *player) attribution(a *world.Act) attribution {
	var t attribution
	open := pl.p.Client.Gates.ToolDetails
	if kind, ok := strings.CutPrefix(a.Request.Source, "agent:"); ok && pl.dialect.attribution {
		name, builtin := strings.CutPrefix(kind, "builtin:")
		t.agent = agentName(name, builtin || open)
	}
	call := pl.calls[a.Request.Consumed]
	if call == nil || call.Tool.Server == nil || !pl.dialect.attribution {
		return t
	}
	if t.server, t.tool = call.Tool.Server.Name, call.Tool.MCPTool; !open {
		t.server, t.tool = "custom", "custom"
	}
	return t
}

func (pl *player) attribute(l *attributes, a *world.Act) {
	t := pl.attribution(a)
	t.add(l)
	if pl.dialect.latest {
		l.some("agent_id", a.Keys.Agent)
	}
}

func (t attribution) add(l *attributes) {
	l.some("agent.name", t.agent)
	l.some("mcp_server.name", t.server)
	l.some("mcp_tool.name", t.tool)
}

func dollars(micros int64) float64 { return float64(micros) / 1e6 }

func (pl *player) requestSpan(a *world.Act) {
	r, d := a.Request, &pl.dialect
	failed := r.Status != 0 || r.Error != ""
	pl.span(a, "llm_request", a.Keys.Span, pl.root(a), a.At.Add(-r.Duration), a.At, func(s *spanRecord) {
		l := &s.attrs
		l.str("model", r.Model)
		l.str("gen_ai.system", "anthropic")
		l.str("gen_ai.request.model", r.Model)
		l.str("llm_request.context", map[bool]string{true: "tool", false: "interaction"}[a.Keys.Agent != ""])
		l.str("speed", "normal")
		if d.latest {
			l.str("gen_ai.conversation.id", conversation(a))
		}
		if d.times {
			l.str("query_source_safe", strings.ReplaceAll(r.Source, ":", "."))
		}
		if d.latest {
			l.some("agent_id", a.Keys.Agent)
		}
		l.int("duration_ms", r.Duration.Milliseconds())
		if !failed {
			l.int("input_tokens", r.Input)
			l.int("output_tokens", r.Output)
			l.int("cache_read_tokens", r.CacheRead)
			l.int("cache_creation_tokens", r.CacheCreate)
		}
		l.bool("success", !failed)
		if failed {
			s.failed, s.message = true, r.Error
			if r.Status != 0 {
				l.int("status_code", int64(r.Status))
			}
			l.str("error", r.Error)
			if d.times {
				l.str("error_class", errorClass(r.Status))
			}
		}
		l.int("attempt", int64(r.Attempt))
		l.some("request_id", a.Keys.Request)
		l.some("gen_ai.response.id", a.Keys.Request)
		if d.clientIDs && !pl.p.Device.Gateway {
			l.some("client_request_id", a.Keys.ClientRequest)
		}
		if !failed {
			l.int("ttft_ms", r.FirstToken.Milliseconds())
			if d.times {
				l.int("first_content_ms", r.FirstToken.Milliseconds()+1)
			}
		}
		if d.times {
			l.some("effort", r.Effort)
		}
		if !failed {
			l.str("stop_reason", r.Stop)
			l.strs("gen_ai.response.finish_reasons", []string{r.Stop})
		}
		pl.attempts(s, a)
	})
}

// attempts adds an event for each time the request was sent.
func (pl *player) attempts(s *spanRecord, a *world.Act) {
	n := max(a.Request.Attempt, 1)
	step := a.Request.Duration / time.Duration(n)
	for i := range n {
		e := spanEvent{at: s.start.Add(time.Duration(i)*step + 2*time.Millisecond), name: "gen_ai.request.attempt"}
		e.attrs.int("attempt", int64(i+1))
		if pl.dialect.clientIDs && !pl.p.Device.Gateway {
			e.attrs.some("client_request_id", a.Keys.ClientRequest)
		}
		s.events = append(s.events, e)
	}
}

func errorClass(status int) string {
	switch {
	case status == 401 || status == 403:
		return "auth_error"
	case status == 429:
		return "rate_limit"
	case status >= 500:
		return "server_error"
	case status >= 400:
		return "client_error"
	}
	return "connection_error"
}

func (pl *player) requestBody(l *attributes, a *world.Act) {
	b := jsonString([]byte(`{"model":`), a.Request.Model)
	b = append(b, `,"messages":[{"role":"user","content":[{"type":"text","text":`...)
	if p := pl.turn.prompt; p != nil {
		b = jsonString(b, p.Prompt.Text)
	} else {
		b = jsonString(b, "")
	}
	pl.body(l, string(append(b, `}]}],"max_tokens":64000,"stream":true}`...)))
	l.str("model", a.Request.Model)
	l.str("query_source", a.Request.Source)
	l.str("request_body_id", uuid(a.ID, "body"))
}

func (pl *player) responseBody(l *attributes, a *world.Act) {
	r := a.Request
	id := "msg_01" + digest(22, a.ID, "message")
	b := []byte(`{"content":[`)
	if r.Text != "" {
		b = append(jsonString(append(b, `{"text":`...), r.Text), `,"type":"text"}`...)
	}
	for _, use := range r.ToolUses {
		call := pl.calls[use]
		if call == nil {
			continue
		}
		if b[len(b)-1] == '}' {
			b = append(b, ',')
		}
		b = jsonString(append(b, `{"id":`...), use)
		b = append(append(b, `,"input":`...), call.Tool.Input...)
		b = append(jsonString(append(b, `,"name":`...), call.Tool.Name), `,"type":"tool_use"}`...)
	}
	b = jsonString(append(b, `],"id":`...), id)
	b = jsonString(append(b, `,"model":`...), r.Model)
	b = jsonString(append(b, `,"role":"assistant","stop_reason":`...), r.Stop)
	b = append(b, `,"stop_sequence":null,"type":"message","usage":{"input_tokens":`...)
	b = strconv.AppendInt(b, r.Input, 10)
	b = strconv.AppendInt(append(b, `,"output_tokens":`...), r.Output, 10)
	pl.body(l, string(append(b, `}}`...)))
	l.str("model", r.Model)
	l.str("query_source", r.Source)
	l.some("request_id", a.Keys.Request)
	l.str("request_body_id", uuid(a.ID, "body"))
	l.str("message.id", id)
	l.some("message.uuid", a.Keys.Message)
}

func (pl *player) body(l *attributes, text string) {
	cut := content(text)
	l.str("body", cut)
	l.digits("body_length", units(text))
	if cut != text {
		l.str("body_truncated", "true")
	}
}
