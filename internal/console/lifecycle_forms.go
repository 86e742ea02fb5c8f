package console

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

// lifecycleForms registers what people decide about holds, and the purge by hand.
func (c *Console) lifecycleForms(mux *http.ServeMux) {
	at := func(*visit) string { return "/lifecycle" }
	what := always(opens("lifecycle"))
	c.form(mux, "POST /lifecycle/holds", form{page: func(*visit) string { return "/lifecycle#set" }, do: (*visit).setHold, what: what,
		again: func(v *visit, wrong *page.Problem) error { return v.lifecyclePage(wrongForms{set: wrong}) }})
	c.form(mux, "POST /lifecycle/purge", form{page: at, do: (*visit).purge, what: what,
		again: func(v *visit, wrong *page.Problem) error { return v.lifecyclePage(wrongForms{purge: wrong}) }})
	onHold := func(do func(v *visit, l *Lifecycle, id, reason string) (hold.Hold, error)) form {
		return form{
			page: func(v *visit) string { return page.HoldURL(v.r.PathValue("id")) },
			do: func(v *visit) (string, error) {
				l, err := v.lifecycle()
				if err != nil {
					return "", err
				}
				_, err = do(v, l, v.r.PathValue("id"), v.field("reason"))
				return page.HoldURL(v.r.PathValue("id")), err
			},
		}
	}
	c.form(mux, "POST /lifecycle/holds/{id}/ask-release", onHold(func(v *visit, l *Lifecycle, id, reason string) (hold.Hold, error) {
		if reason == "" {
			return hold.Hold{}, invalid("Say why it may be released; a second person decides by that.")
		}
		return l.Holds.AskRelease(v.r.Context(), v.person(), id, reason)
	}))
	c.form(mux, "POST /lifecycle/holds/{id}/release", onHold(func(v *visit, l *Lifecycle, id, reason string) (hold.Hold, error) {
		return l.Holds.Release(v.r.Context(), v.person(), id, reason)
	}))
	c.form(mux, "POST /lifecycle/holds/{id}/keep", onHold(func(v *visit, l *Lifecycle, id, reason string) (hold.Hold, error) {
		return l.Holds.Keep(v.r.Context(), v.person(), id, reason)
	}))
}

// setHold sets a hold as the form says.
func (v *visit) setHold() (string, error) {
	l, err := v.lifecycle()
	if err != nil {
		return "", err
	}
	n := hold.NewHold{Case: v.field("case"), Reason: v.field("reason"), Scope: hold.Scope{Containers: linesOf(v.field("containers")), Custodians: linesOf(v.field("custodians"))}}
	for word := range strings.FieldsFuncSeq(v.field("records"), func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' }) {
		seq, err := strconv.ParseUint(word, 10, 63)
		if err != nil || seq == 0 {
			return "", invalid("The records are positions: numbers, apart by spaces.")
		}
		n.Records = append(n.Records, seq)
	}
	for _, s := range v.fields("surface") {
		n.Surfaces = append(n.Surfaces, audit.Surface(s))
	}
	if n.From, err = dayOf(v.field("from")); err != nil {
		return "", err
	}
	if n.Until, err = dayOf(v.field("until")); err != nil {
		return "", err
	}
	h, err := l.Holds.Set(v.r.Context(), v.person(), n)
	return page.HoldURL(h.ID), err
}

// linesOf lists the lines of a field, those that are empty left out.
func linesOf(text string) (list []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			list = append(list, line)
		}
	}
	return list
}

// dayOf reads a day in UTC; "" is none.
func dayOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, invalid("A day is written as 2026-11-01.")
	}
	return t, nil
}

// purge destroys what outlived its period, once who asks for it has said that they mean it.
func (v *visit) purge() (string, error) {
	l, err := v.lifecycle()
	if err != nil {
		return "", err
	}
	if v.field("sure") != "yes" {
		return "", invalid("Tick that you mean it: what a purge destroys does not come back.")
	}
	_, _, err = l.Retention.Purge(v.r.Context(), v.person().Identity())
	return "/lifecycle#purges", err
}

// lifecycleProblem makes errors of holds and of purges presentable, nil for any other.
func lifecycleProblem(err error) *problem {
	switch {
	case errors.Is(err, hold.ErrUnknown):
		return &problem{status: http.StatusNotFound, code: "not_found", heading: "Not found", text: "There is no such hold.", advice: "The list has those there are."}
	case errors.Is(err, hold.ErrPerson):
		return &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not under the rules of holds", text: capital(err.Error()) + ".", advice: "docs/lifecycle.md has the rules."}
	case errors.Is(err, hold.ErrInvalid):
		return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This cannot be done as entered", text: capital(err.Error()) + "."}
	case errors.Is(err, hold.ErrState):
		return &problem{status: http.StatusConflict, code: "over", heading: "It is not as it was", text: capital(err.Error()) + ".", advice: "Somebody decided meanwhile: look again."}
	case errors.Is(err, retention.ErrStatutory):
		return &problem{status: http.StatusConflict, code: "over", heading: "A law keeps it", text: capital(err.Error()) + "."}
	}
	return nil
}
