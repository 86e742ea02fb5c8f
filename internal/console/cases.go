package console

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
)

// Cases: who may open content, for what and for how long. What the rules are stands in package casebook; here is what people
// see of them and do with them.
func (c *Console) caseRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /cases", (*visit).opensCases, (*visit).listCases)
	c.page(mux, "GET /cases/{id}", (*visit).opensCase, (*visit).showCase)
	c.page(mux, "GET /cases/new", always(opens("case.new")), (*visit).newCase)
	c.page(mux, "GET /cases/ask", (*visit).opensAsk, (*visit).showAsk)
	c.page(mux, "GET /cases/glass", (*visit).opensAsk, (*visit).showGlass)
	c.page(mux, "GET /record/{seq}/content", (*visit).opensContent, (*visit).showContent)
	c.page(mux, "GET /session/{id}/content", (*visit).opensSessionContent, (*visit).showSessionContent)
	c.caseForms(mux)
	c.caseAPI(mux)
}

// desk is where cases are acted on.
func (v *visit) desk() (*casebook.Desk, error) {
	if v.deps.Desk == nil {
		return nil, &problem{status: http.StatusServiceUnavailable, code: "unavailable", heading: "No cases here",
			text: "This console runs without cases: nothing can be opened.", advice: "tripod serve has them."}
	}
	return v.deps.Desk, nil
}

// opensCases says what list is opened. What it is narrowed to are words of ours.
func (v *visit) opensCases() (opening, error) { return opens("cases"), nil }

// caseFilter is what the address asks of the list of cases.
type caseFilter struct{ show, state, kind string }

func (v *visit) caseFilter() caseFilter {
	q := v.r.URL.Query()
	f := caseFilter{show: q.Get("show"), state: q.Get("state"), kind: q.Get("kind")}
	if !slices.Contains([]string{"mine", "waiting"}, f.show) {
		f.show = ""
	}
	if f.state != "open" && f.state != "closed" {
		f.state = ""
	}
	if !slices.Contains(casebook.Kinds(), casebook.Kind(f.kind)) {
		f.kind = ""
	}
	return f
}

func (f caseFilter) url() string {
	u := url.Values{}
	for name, value := range map[string]string{"show": f.show, "state": f.state, "kind": f.kind} {
		if value != "" {
			u.Set(name, value)
		}
	}
	if len(u) == 0 {
		return "/cases"
	}
	return "/cases?" + u.Encode()
}

// choices are the filters of the list as links.
func (f caseFilter) choices() []page.Filter {
	one := func(name string, current string, with func(string) caseFilter, values ...string) page.Filter {
		out := page.Filter{Name: name}
		for i := 0; i+1 < len(values); i += 2 {
			out.Values = append(out.Values, page.Link{Name: values[i+1], URL: with(values[i]).url(), Current: values[i] == current})
		}
		return out
	}
	kinds := []string{"", "any kind"}
	for _, k := range casebook.Kinds() {
		kinds = append(kinds, string(k), page.KindWords(string(k)))
	}
	return []page.Filter{
		one("Cases by who takes part", f.show, func(s string) caseFilter { f.show = s; return f }, "", "all", "mine", "mine", "waiting", "waiting for me"),
		one("Cases by state", f.state, func(s string) caseFilter { f.state = s; return f }, "", "any state", "open", "open", "closed", "closed"),
		one("Cases by kind", f.kind, func(s string) caseFilter { f.kind = s; return f }, kinds...),
	}
}

func (v *visit) listCases() error {
	desk, err := v.desk()
	if err != nil {
		return err
	}
	ctx, me := v.r.Context(), self{v.person()}
	list, err := desk.List(ctx, me.Person)
	if err != nil {
		return err
	}
	waits, err := v.waits(desk)
	if err != nil {
		return err
	}
	f := v.caseFilter()
	p := page.Cases{Now: v.deps.Now().UTC(), Filters: f.choices(), MayOpen: v.may(access.OpenCase), Narrow: f != caseFilter{}}
	if f.show != "mine" {
		if p.Waiting, err = v.waitingFor(desk, waits); err != nil {
			return err
		}
	}
	for i := range list {
		c := &list[i]
		mine := slices.ContainsFunc(c.Participants, me.is)
		if f.show == "mine" && !mine || f.show == "waiting" && !waits.in(c.ID) || f.state != "" && string(c.State) != f.state || f.kind != "" && string(c.Kind) != f.kind {
			continue
		}
		row := page.CaseRow{Case: *c, Mine: mine}
		if !c.Hidden {
			_, grants, err := desk.Peek(ctx, me.Person, c.ID)
			if err != nil {
				return err
			}
			row.Add(grants, p.Now)
		}
		p.Rows = append(p.Rows, row)
	}
	return v.print("cases", v.frame("Cases", "cases", v.cli("case", "list")), &p)
}

// waits is what waits for who looks.
type waits struct{ approve, review []casebook.Grant }

func (v *visit) waits(desk *casebook.Desk) (w waits, err error) {
	w.approve, w.review, err = desk.Waiting(v.r.Context(), v.person())
	return w, err
}

func (w waits) in(caseID string) bool {
	of := func(g casebook.Grant) bool { return g.Case == caseID }
	return slices.ContainsFunc(w.approve, of) || slices.ContainsFunc(w.review, of)
}

// waitingFor are the grants that who looks is to decide about, reviews first, each with the reason given.
func (v *visit) waitingFor(desk *casebook.Desk, w waits) ([]page.Grant, error) {
	var list []page.Grant
	for _, waiting := range slices.Concat(w.review, w.approve) {
		c, grants, err := desk.Show(v.r.Context(), v.person(), waiting.Case)
		if err != nil {
			return nil, err
		}
		if at := slices.IndexFunc(grants, func(g casebook.Grant) bool { return g.ID == waiting.ID }); at >= 0 {
			g := v.grant(&c, &grants[at], w)
			g.Of = &c
			list = append(list, g)
		}
	}
	return list, nil
}

// opensCase says whose page is opened; it is on record under the case.
func (v *visit) opensCase() (opening, error) {
	o := opens("case")
	o.caseID = v.r.PathValue("id")
	if len(o.caseID) > longestCaseID || !audit.InertText(o.caseID) {
		return o, notFound("There is no such case.", "The list has those you may see.")
	}
	return o, nil
}

const longestCaseID = 40

// waitsQuietly is waits for what stands around a page: where it cannot be told, the page of cases says so.
func (v *visit) waitsQuietly() waits {
	if v.deps.Desk == nil || !v.may(access.ReadCases) {
		return waits{}
	}
	w, err := v.waits(v.deps.Desk)
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "list what waits", "error", err)
	}
	return w
}

// badge counts what waits, beside the entry of the navigation.
func (w waits) badge() (badge, kind string) {
	n := len(w.approve) + len(w.review)
	switch {
	case n == 0:
		return "", ""
	case len(w.review) > 0:
		kind = "bad"
	default:
		kind = "warn"
	}
	return strconv.Itoa(n) + " waiting", kind
}

// glassOf is what the banner tells whoever must review.
func glassOf(review []casebook.Grant, now time.Time) []page.Glass {
	var list []page.Glass
	for i := range review {
		g := &review[i]
		list = append(list, page.Glass{Grant: g.ID, Case: g.Case, By: g.By.Label(), Due: g.ReviewDue, Overdue: now.After(g.ReviewDue)})
	}
	return list
}
