package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/organisation"
	"github.com/tripod-audit/tripod/internal/search"
)

const (
	accountsPerPage = 100
	changesShown    = 50
	longestFilter   = 200
)

func (c *Console) organisationRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /organisation", (*visit).opensOrganisation, (*visit).organisation)
	c.page(mux, "GET /organisation/account", (*visit).opensAccount, (*visit).account)
}

// opensOrganisation says what is opened: who looks for somebody leaves what was looked for.
func (v *visit) opensOrganisation() (opening, error) {
	o := opens("organisation")
	text := v.r.URL.Query().Get("q")
	if len(text) > longestFilter {
		return o, invalid("q is at most " + strconv.Itoa(longestFilter) + " bytes")
	}
	if text != "" {
		o.query = &text
	}
	return o, nil
}

// opensAccount says whose page is opened; the id is content, as the text of a query is.
func (v *visit) opensAccount() (opening, error) {
	id := v.r.URL.Query().Get("id")
	if id == "" || len(id) > 4*longestFilter {
		return opening{}, invalid("id is the id of an account")
	}
	o := opens("account")
	o.query = &id
	return o, nil
}

// organisation goes on part by part: what cannot be read says so in its place.
func (v *visit) organisation() error {
	ctx := v.r.Context()
	view, err := v.deps.Reader.Organisation(ctx)
	if err != nil {
		return err
	}
	p := page.Organisation{Now: v.deps.Now().UTC()}
	p.SettingsProblem = v.part(fillSettings(ctx, view, &p))
	p.KeysProblem = v.part(fillKeys(ctx, view, &p))
	p.AccountsProblem = v.part(v.fillAccounts(ctx, view, &p))
	p.Nothing = len(p.Settings)+len(p.Drift)+len(p.Keys)+len(p.Callers) == 0 && p.SettingsProblem == nil && p.KeysProblem == nil
	f := v.frame("Organisation", "organisation", v.cli("organisation"))
	if at, err := view.Position(ctx); err == nil && f.Last-min(at, f.Last) >= worthAWord {
		p.Behind = f.Last - at
	}
	return v.print("organisation", f, &p)
}

func fillSettings(ctx context.Context, view organisation.Reader, p *page.Organisation) error {
	settings, err := view.Settings(ctx)
	if err != nil {
		return err
	}
	p.Read = organisation.Swept(settings)
	several := slices.ContainsFunc(settings, func(s organisation.Setting) bool { return s.Org != settings[0].Org })
	for i := range settings {
		row := page.NewSettingRow(&settings[i])
		if several {
			row.Whose = row.Org
		}
		switch {
		case row.Drift:
			p.Drift = append(p.Drift, row)
		case row.Gone:
			p.Gone = append(p.Gone, row)
		default:
			p.Settings = append(p.Settings, row)
		}
	}
	changes, err := view.SettingHistory(ctx, "", changesShown)
	if err != nil {
		return err
	}
	for i := range changes {
		p.History = append(p.History, page.NewSettingChange(&changes[i]))
	}
	return nil
}

func fillKeys(ctx context.Context, view organisation.Reader, p *page.Organisation) (err error) {
	if p.Keys, err = view.Keys(ctx); err != nil {
		return err
	}
	p.Callers, err = view.Callers(ctx)
	return err
}

// fillAccounts lists the accounts that the address asks for.
func (v *visit) fillAccounts(ctx context.Context, view organisation.Reader, p *page.Organisation) error {
	params := v.r.URL.Query()
	offset, err := strconv.Atoi(params.Get("from"))
	if err != nil || offset < 1 {
		offset = 1
	}
	f := organisation.Filter{Text: strings.TrimSpace(params.Get("q")), State: params.Get("state"), Offset: offset - 1, Limit: accountsPerPage}
	found, err := view.Accounts(ctx, f)
	if err != nil {
		return err
	}
	l := &page.AccountList{Text: f.Text, State: f.State, Total: found.Total, From: offset}
	address := func(state string, from int) string {
		u := url.Values{}
		for name, value := range map[string]string{"q": f.Text, "state": state} {
			if value != "" {
				u.Set(name, value)
			}
		}
		if from > 1 {
			u.Set("from", strconv.Itoa(from))
		}
		if len(u) == 0 {
			return "/organisation#accounts"
		}
		return "/organisation?" + u.Encode() + "#accounts"
	}
	l.States = []page.Link{{Name: "All", URL: address("", 1), Current: f.State == ""}}
	for _, s := range []struct{ state, name string }{
		{organisation.StateMember, "members"}, {organisation.StateLeft, "left"}, {organisation.StateInvited, "invited"}, {organisation.StateSeen, "only seen"},
	} {
		l.States = append(l.States, page.Link{Name: page.Count(int64(found.Count[s.state])) + " " + s.name, URL: address(s.state, 1), Current: f.State == s.state})
	}
	for i := range found.List {
		l.Rows = append(l.Rows, page.ListedAccount{Account: &found.List[i], URL: page.AccountURL(found.List[i].ID)})
	}
	if offset > 1 {
		l.Prev = address(f.State, max(1, offset-accountsPerPage))
	}
	if offset-1+len(l.Rows) < found.Total {
		l.Next = address(f.State, offset+accountsPerPage)
	}
	p.Accounts = l
	return nil
}

// account shows one account.
func (v *visit) account() error {
	ctx, id := v.r.Context(), v.r.URL.Query().Get("id")
	view, err := v.deps.Reader.Organisation(ctx)
	if err != nil {
		return err
	}
	a, history, err := view.Account(ctx, id)
	if err != nil {
		return err
	}
	if a == nil {
		return notFound("No account was ever known by this id.", "The list of accounts is on the page of the organisation.")
	}
	p := page.AccountPage{Now: v.deps.Now().UTC(), ListedAccount: page.ListedAccount{Account: a, URL: page.AccountURL(a.ID)}, History: history}
	p.Query = "user:" + search.Quote(a.Name)
	return v.print("account", v.frame("Account", "organisation", v.cli("organisation", "account", "--", a.ID)), p)
}
