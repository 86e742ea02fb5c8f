package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Alerts: what rules found, why, and what people decided. The rules of deciding are those of package alert.
func (c *Console) alertRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /alerts", always(opens("alerts")), (*visit).listAlerts)
	c.page(mux, "GET /alerts/{id}", (*visit).opensAlert, func(v *visit) error { return v.showAlert(nil) })
	onAlert := func(do func(v *visit, k *alert.Keeper, id string, upTo uint64) error) form {
		return form{
			page: func(v *visit) string { return page.AlertURL(v.r.PathValue("id")) },
			what: (*visit).opensAlert, again: (*visit).showAlert,
			do: func(v *visit) (string, error) {
				k, err := v.alerts()
				if err != nil {
					return "", err
				}
				upTo, err := strconv.ParseUint(v.field("up_to"), 10, 63)
				if err != nil || upTo == 0 {
					return "", invalid("The form does not say up to which firing you saw.")
				}
				return page.AlertURL(v.r.PathValue("id")), do(v, k, v.r.PathValue("id"), upTo)
			},
		}
	}
	c.form(mux, "POST /alerts/{id}/acknowledge", onAlert(func(v *visit, k *alert.Keeper, id string, upTo uint64) error {
		_, err := k.Acknowledge(v.r.Context(), v.person(), id, upTo, v.field("note"))
		return err
	}))
	c.form(mux, "POST /alerts/{id}/resolve", onAlert(func(v *visit, k *alert.Keeper, id string, upTo uint64) error {
		_, err := k.Resolve(v.r.Context(), v.person(), id, upTo, v.field("reason"))
		return err
	}))
	c.form(mux, "POST /alerts/{id}/except", onAlert(func(v *visit, k *alert.Keeper, id string, upTo uint64) error {
		until, err := dayOf(v.field("until"))
		if err != nil {
			return err
		}
		_, err = k.Except(v.r.Context(), v.person(), id, alert.NewException{Until: until, Every: v.field("every") == "yes", Reason: v.field("reason"), UpTo: upTo})
		return err
	}))
	c.form(mux, "POST /alerts/exceptions/{id}/end", form{page: func(*visit) string { return "/alerts#exceptions" }, do: func(v *visit) (string, error) {
		k, err := v.alerts()
		if err != nil {
			return "", err
		}
		return "/alerts#exceptions", k.EndException(v.r.Context(), v.person(), v.r.PathValue("id"), v.field("reason"))
	}})
}

// opensAlert says which alert is opened.
func (v *visit) opensAlert() (opening, error) {
	id := v.r.PathValue("id")
	if len(id) != 32 || !audit.InertText(id) {
		return opening{}, notFound("There is no such alert.", "The list has those there are.")
	}
	return opens("alert", audit.TextAttr("alert", id)), nil
}

// alerts is where alerts are, or a problem where this console has none.
func (v *visit) alerts() (*alert.Keeper, error) {
	if v.deps.Alerts == nil {
		return nil, &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "No alerts here", text: "This console runs without alerts.", advice: "tripod serve has them."}
	}
	return v.deps.Alerts, nil
}

// alertFilter is what the address asks of the list of alerts: words of ours alone.
type alertFilter struct{ state, severity, rule string }

func (v *visit) alertFilter() alertFilter {
	q := v.r.URL.Query()
	f := alertFilter{state: q.Get("state"), severity: q.Get("severity"), rule: q.Get("rule")}
	if !slices.Contains(alert.States(), alert.State(f.state)) && f.state != "all" {
		f.state = ""
	}
	if !slices.Contains(alert.Severities(), alert.Severity(f.severity)) {
		f.severity = ""
	}
	if len(f.rule) > 200 || !audit.InertText(f.rule) {
		f.rule = ""
	}
	return f
}

func (f alertFilter) url() string {
	u := url.Values{}
	for name, value := range map[string]string{"state": f.state, "severity": f.severity, "rule": f.rule} {
		if value != "" {
			u.Set(name, value)
		}
	}
	if len(u) == 0 {
		return "/alerts"
	}
	return "/alerts?" + u.Encode()
}

// states are those that a filter shows; without one, what is not over.
func (f alertFilter) states() []alert.State {
	switch f.state {
	case "":
		return []alert.State{alert.Open, alert.Acknowledged}
	case "all":
		return nil
	}
	return []alert.State{alert.State(f.state)}
}

func (f alertFilter) choices() []page.Filter {
	states := page.Filter{Name: "Alerts by state"}
	add := func(to *page.Filter, name string, g alertFilter) {
		to.Values = append(to.Values, page.Link{Name: name, URL: g.url(), Current: g == f})
	}
	g := f
	g.state = ""
	add(&states, "not over", g)
	for _, s := range alert.States() {
		g.state = string(s)
		add(&states, string(s), g)
	}
	g.state = "all"
	add(&states, "all", g)
	severities := page.Filter{Name: "Alerts by severity"}
	g = f
	g.severity = ""
	add(&severities, "any severity", g)
	for _, s := range slices.Backward(alert.Severities()) {
		if s == alert.Informational {
			continue
		}
		g.severity = string(s)
		add(&severities, string(s)+" up", g)
	}
	return []page.Filter{states, severities}
}

func (v *visit) listAlerts() error {
	k, err := v.alerts()
	if err != nil {
		return err
	}
	ctx, f := v.r.Context(), v.alertFilter()
	list, more, err := k.List(ctx, v.person(), alert.Filter{States: f.states(), Severity: alert.Severity(f.severity), Rule: f.rule})
	if err != nil {
		return err
	}
	p := page.Alerts{Now: v.deps.Now().UTC(), CSRF: v.who.csrf, Filters: f.choices(), Narrow: f != alertFilter{}, More: more, MayHandle: v.may(access.HandleAlerts)}
	if f.rule != "" {
		p.Rule, p.AnyRule = f.rule, alertFilter{state: f.state, severity: f.severity}.url()
	}
	for i := range list {
		v.withhold(ctx, &list[i])
		p.Rows = append(p.Rows, page.ShowAlert(list[i]))
	}
	if p.Exceptions, err = k.Exceptions(ctx, v.person()); err != nil {
		return err
	}
	return v.print("alerts", v.frame("Alerts", "alerts", v.cli("alert", "list")), &p)
}

// withhold leaves out of an alert what it tells of cases that who looks does not see. What cannot be read to tell is left out, too.
func (v *visit) withhold(ctx context.Context, a *alert.Alert) {
	seals := v.seals()
	a.Withhold(func(seqs []uint64) bool {
		return slices.ContainsFunc(seqs, func(seq uint64) bool {
			item, err := v.deps.Reader.Record(ctx, seq)
			if errors.Is(err, journal.ErrNotFound) {
				return false
			}
			return err != nil || seals(item.Record)
		})
	})
}

// openAlerts is, for the overview, how many alerts nobody looks into.
func (v *visit) openAlerts(ctx context.Context) ([]page.Attention, error) {
	if v.deps.Alerts == nil || !v.may(access.ReadRecords) {
		return nil, nil
	}
	open, grave, latest, err := v.deps.Alerts.Count(ctx)
	if err != nil || open == 0 {
		return nil, err
	}
	text := page.Plural(int64(open), "alert") + " that nobody looks into"
	if grave > 0 {
		text += fmt.Sprintf(", %d of high severity or above", grave)
	}
	return []page.Attention{{Grave: grave > 0, Text: text, URL: "/alerts", Link: "alerts", At: latest}}, nil
}

// alertBadge counts open alerts for the navigation.
func (v *visit) alertBadge() (badge, kind string) {
	if v.deps.Alerts == nil {
		return "", ""
	}
	open, grave, _, err := v.deps.Alerts.Count(v.r.Context())
	switch {
	case err != nil || open == 0:
		return "", ""
	case grave > 0:
		return strconv.Itoa(open), "bad"
	}
	return strconv.Itoa(open), "warn"
}

// alertProblem makes errors of alerts presentable, nil for any other.
func alertProblem(err error) *problem {
	switch {
	case errors.Is(err, alert.ErrUnknown):
		return &problem{status: http.StatusNotFound, code: "not_found", heading: "Not found", text: "There is no such alert or exception.", advice: "The list has those there are."}
	case errors.Is(err, alert.ErrPerson):
		return &problem{status: http.StatusForbidden, code: "forbidden", heading: "Not under the rules of alerts", text: capital(err.Error()) + ".", advice: "docs/alerts.md has the rules."}
	case errors.Is(err, alert.ErrInvalid):
		return &problem{status: http.StatusBadRequest, code: "invalid", heading: "This cannot be done as entered", text: capital(err.Error()) + "."}
	case errors.Is(err, alert.ErrState):
		return &problem{status: http.StatusConflict, code: "over", heading: "It is not as it was", text: capital(err.Error()) + ".", advice: "Somebody decided meanwhile: look again."}
	}
	return nil
}

// thirtyDays is what the page of an alert looks back over.
const thirtyDays = 30 * 24 * time.Hour
