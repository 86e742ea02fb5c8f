package timeline

import (
	"cmp"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// judge finds how a step ended and why, from its records.
func (b *builder) judge(s *Step) {
	if s.Kind == KindTool {
		b.judgeTool(s)
	} else {
		b.judgeOther(s)
	}
	if lead := b.Items[s.Lead].Record; lead.Outcome == s.Outcome {
		s.Reason = cmp.Or(reason(lead), s.Reason) // it tells more than a span does
	}
	if s.Kind == KindTool && s.Outcome == audit.OutcomeDenied {
		for _, i := range s.Items {
			s.Caveat = cmp.Or(s.Caveat, caveat(b.Items[i].Record))
		}
	}
}

// Bad is the outcome of a step that counts as denied or failed, "" for any other. Hooks that refused a tool use are not
// counted beside it.
func (s *Step) Bad() audit.Outcome {
	if s.Refused == none && (s.Outcome == audit.OutcomeDenied || s.Outcome == audit.OutcomeFailure) {
		return s.Outcome
	}
	return ""
}

func (b *builder) judgeOther(s *Step) {
	s.Outcome = audit.OutcomeUnknown
	for _, i := range s.Items {
		r := b.Items[i].Record
		if o := b.outcomeOf(r); worse(o, s.Outcome) {
			s.Outcome = o
			s.Reason = reason(r)
		} else if o == s.Outcome && s.Reason == "" {
			s.Reason = reason(r)
		}
	}
	s.NoResult = s.Kind == KindHook && len(s.Items) == 1 && b.Items[s.Lead].Record.Type == "hook_execution_start"
}

// judgeTool: that a call was allowed does not say how it ended; its result does.
func (b *builder) judgeTool(s *Step) {
	s.Outcome = audit.OutcomeUnknown
	decided, ended, allowed, client := false, false, false, false
	for _, i := range s.Items {
		r := b.Items[i].Record
		client = client || !inTranscript(r) && !byGateway(r)
		if s.Decision == "" {
			s.Decision = decision(r)
		}
		o := b.outcomeOf(r)
		if r.Activity == audit.ActivityToolDecision {
			decided = true
			if o == audit.OutcomeSuccess {
				allowed, o = true, audit.OutcomeUnknown
			}
		}
		if o != audit.OutcomeUnknown || r.Activity == audit.ActivityToolResult && !IsVerdict(r) {
			ended = true
		}
		if worse(o, s.Outcome) {
			s.Outcome, s.Reason = o, reason(r)
		} else if o == s.Outcome && s.Reason == "" {
			s.Reason = reason(r)
		}
	}
	s.NoResult = allowed && !ended
	s.NoDecision = ended && !decided && s.Decision == "" && client // a transcript never tells who allowed it
}

// Worse reports whether an outcome matters more to a reader than another.
func worse(a, b audit.Outcome) bool { return weight(a) > weight(b) }

func weight(o audit.Outcome) int {
	switch o {
	case audit.OutcomeDenied:
		return 3
	case audit.OutcomeFailure:
		return 2
	case audit.OutcomeSuccess:
		return 1
	}
	return 0
}

// decision says who decided about a tool call, from the decision's own record or, in part, from the result's.
func decision(r *audit.Record) string {
	if r.Activity == audit.ActivityToolDecision {
		return decider(text(r, "source"))
	}
	return decider(text(r, "decision_source"))
}

// decider puts the client's name for who decided into words
// (https://code.claude.com/docs/en/monitoring-usage, tool decision event).
func decider(source string) string {
	switch source {
	case "":
		return ""
	case "config":
		return "configuration, without asking"
	case "hook":
		return "a hook"
	case "user_permanent":
		return "the user, for good"
	case "user_temporary":
		return "the user, this time or for the session"
	case "user_reject":
		return "the user, or a deny rule where nobody could be asked"
	case "user_abort":
		return "the user, who dismissed the question or interrupted"
	case "unknown":
		return "not told by the client"
	}
	return "“" + source + "”"
}

// reason says why something was denied or failed, as far as metadata tells. What it quotes is on the allow list.
func reason(r *audit.Record) string {
	switch r.Outcome {
	case audit.OutcomeDenied:
		return denial(r)
	case audit.OutcomeFailure:
		return failure(r)
	}
	return ""
}

func denial(r *audit.Record) string {
	switch {
	case r.Rule != "":
		return "refused by rule " + r.Rule
	case r.Activity == audit.ActivityToolDecision:
		switch source := text(r, "source"); source {
		case "config":
			return "refused by configuration, without asking"
		case "hook":
			return "refused by a hook"
		case "user_reject":
			return "refused by the user"
		case "user_abort":
			return "interrupted by the user"
		case "", "unknown":
			return "refused; the client does not say by whom"
		default:
			return "refused by " + decider(source)
		}
	case r.Activity == audit.ActivityHookRun:
		h := hookOf(r)
		return h.refusal()
	case byGateway(r) && text(r, "stop_reason") != "refusal":
		return "" // the verdict says why
	case r.Activity == audit.ActivityModelRequest:
		return joined("the model refused", quoted("category ", text(r, "category")))
	}
	return joined("denied", details(r))
}

// caveat is what else the client's word for who refused may stand for.
func caveat(r *audit.Record) string {
	if r.Activity != audit.ActivityToolDecision || r.Outcome != audit.OutcomeDenied || r.Rule != "" {
		return ""
	}
	switch text(r, "source") {
	case "config":
		return "by a rule, the mode, or a permission prompt that failed: the client does not say which"
	case "user_reject":
		return "or by a deny rule, where nobody could be asked"
	case "user_abort":
		return "the question was dismissed, or the turn interrupted"
	}
	return ""
}

func failure(r *audit.Record) string {
	switch r.Activity {
	case audit.ActivityModelRequest:
		return joined("the request failed", quoted("HTTP ", first(r, "status_code", "http.response.status_code", "http.status_code", "status")),
			quoted("attempt ", first(r, "attempt", "total_attempts")), details(r))
	case audit.ActivityToolResult, audit.ActivityToolCall:
		return joined("the tool failed", details(r))
	case audit.ActivityHookRun:
		return joined("a hook failed", hookOf(r).Name)
	}
	return joined("failed", details(r))
}

func details(r *audit.Record) string {
	return first(r, "error_type", "error.type", "error_class", "error_name", "error_code", "error_category")
}

func first(r *audit.Record, names ...string) string {
	for _, n := range names {
		if s := text(r, n); s != "" {
			return s
		}
	}
	return ""
}

func quoted(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// joined puts the details a record gives behind what happened.
func joined(what string, parts ...string) string {
	var told []string
	for _, p := range parts {
		if p != "" {
			told = append(told, p)
		}
	}
	if len(told) == 0 {
		return what
	}
	return what + ": " + strings.Join(told, ", ")
}
