package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/console/page"
)

func (c *Console) settingsRoutes(mux *http.ServeMux) {
	at := func(*visit) string { return "/settings" }
	what := always(opens("settings"))
	c.page(mux, "GET /settings", what, func(v *visit) error { return v.showSettings(nil, nil) })
	c.form(mux, "POST /settings/sign-ins/end", form{page: at, do: (*visit).endSignIns})
	c.form(mux, "POST /settings/tokens", form{page: at, do: (*visit).makeToken, what: what, again: func(v *visit, wrong *page.Problem) error {
		return v.showSettings(nil, wrong)
	}})
	c.form(mux, "POST /settings/tokens/end", form{page: at, do: (*visit).endToken})
}

// settingsPages are pages of settings of their own, each with the pattern whose right it takes to see it.
func settingsPages() []page.SettingsPage {
	return []page.SettingsPage{{Name: "What is kept", URL: "/settings/capture", What: "the capture policy: which class of content is kept for whom"}}
}

// showSettings prints the page. made is a token that was made just now, wrong what is wrong with one that was not.
func (v *visit) showSettings(made *page.MadeToken, wrong *page.Problem) error {
	tokens, err := v.deps.SignIn.Tokens(v.r.Context())
	if err != nil {
		return err
	}
	now := v.deps.Now().UTC()
	s := &page.Settings{FirstRoles: v.firstRoles(), Now: now, Write: v.may(access.WriteSettings), EndURL: "/settings/sign-ins/end", OfPerson: true, Made: made, Wrong: wrong, Doors: doorRows(), Rights: rightRows(access.Rights(), access.Roles())}
	s.Facts, s.Mapping = v.accessFacts()
	for _, r := range access.Roles() {
		s.Roles = append(s.Roles, r.Words())
	}
	for _, x := range v.deps.SignIn.Sessions() {
		s.SignIns = append(s.SignIns, v.signInRow(&x))
	}
	for i := range tokens {
		if row := tokenRow(&tokens[i], now); row.State == "good" {
			s.Tokens = append(s.Tokens, row)
		} else {
			s.Over = append(s.Over, row)
		}
	}
	if made == nil {
		s.New = v.newToken()
	} else {
		s.New = blankToken(v.person())
	}
	if v.deps.Standing != nil {
		s.Listeners = v.deps.Standing(v.r.Context()).Listeners
	}
	for _, p := range settingsPages() {
		if right, ok := access.ForRoute("GET " + p.URL); ok && v.may(right) {
			s.More = append(s.More, p)
		}
	}
	return v.print("settings", v.frame("Settings", "settings", ""), s)
}

func (v *visit) signInRow(x *signin.Session) page.SignIn {
	return page.SignIn{ID: x.ID, Who: x.Person.Label(), Subject: x.Person.Subject, Roles: roleWords(x.Person.Roles), Via: viaWords(x.Person.Via),
		Began: x.Began, Until: x.Until, IP: x.From.IP, Agent: x.From.Agent, This: x.ID == v.who.session}
}

func viaWords(via access.Via) string {
	switch via {
	case access.ViaOIDC:
		return "the identity provider"
	case access.ViaLocal:
		return "a link of this machine"
	case access.ViaToken:
		return "an API token"
	}
	return string(via)
}

func tokenRow(t *signin.Token, now time.Time) page.Token {
	row := page.Token{ID: t.ID, Name: t.Name, Owner: cmp.Or(t.Email, strings.TrimPrefix(t.Owner, "os:")), By: strings.TrimPrefix(t.By, "os:"), Roles: roleWords(t.Roles), Cases: strings.Join(t.Cases, ", "),
		Made: t.Made, Until: t.Until, Ended: t.Ended, State: t.State(now)}
	rights := make([]string, len(t.Only))
	for i, r := range t.Only {
		rights[i] = string(r)
	}
	row.Rights = strings.Join(rights, ", ")
	return row
}

// rightRows is the table of rights and the roles that hold them.
func rightRows(rights []access.Right, roles []access.Role) []page.RightRow {
	var rows []page.RightRow
	for _, r := range rights {
		row := page.RightRow{Right: string(r), Words: r.Words(), Fresh: access.StepUp(r), Held: make([]bool, len(roles))}
		for i, role := range roles {
			row.Held[i] = slices.Contains(access.Holders(r), role)
		}
		rows = append(rows, row)
	}
	return rows
}

func doorRows() []page.DoorRow {
	var rows []page.DoorRow
	for _, e := range access.Table() {
		door := e.Route
		if e.Command != "" {
			door = "tripod " + e.Command
		}
		rows = append(rows, page.DoorRow{Door: door, Does: e.Does, Right: string(e.Right)})
	}
	return rows
}

// endSignIns ends one sign-in, those of a person, or everybody's.
func (v *visit) endSignIns() (string, error) {
	id, subject, all := v.field("id"), v.field("subject"), v.field("all") == "yes"
	var err error
	switch {
	case id != "" && subject == "" && !all:
		err = v.deps.SignIn.End(v.r.Context(), id, v.person())
	case subject != "" && id == "" && !all:
		_, err = v.deps.SignIn.EndAll(v.r.Context(), subject, v.person())
	case all && id == "" && subject == "":
		_, err = v.deps.SignIn.EndAll(v.r.Context(), "", v.person())
	default:
		return "", invalid("Say which sign-in to end: one, those of one person, or all.")
	}
	if errors.Is(err, signin.ErrNobody) {
		err = nil // it has ended already, which is what was wanted
	}
	return "/settings#sign-ins", err
}

// Bounds of the form that makes a token.
const (
	mostDays    = 366
	presetDays  = 90
	mostCasesOf = 50
)

// makeToken makes a token and shows its secret, this once.
func (v *visit) makeToken() (string, error) {
	days, err := strconv.Atoi(cmp.Or(v.field("days"), strconv.Itoa(presetDays)))
	if err != nil || days < 1 || days > mostDays {
		return "", invalid(fmt.Sprintf("The days are a number from 1 to %d.", mostDays))
	}
	spec := signin.TokenSpec{Name: v.field("name"), Owner: v.field("owner"), Cases: strings.Fields(strings.ReplaceAll(v.field("cases"), ",", " ")),
		Until: v.deps.Now().Add(time.Duration(days) * 24 * time.Hour)}
	if len(spec.Cases) > mostCasesOf {
		return "", invalid(fmt.Sprintf("A token is bound to %d cases at most.", mostCasesOf))
	}
	if len(spec.Cases) == 0 {
		spec.Cases = nil
	}
	for _, r := range v.fields("role") {
		spec.Roles = append(spec.Roles, access.Role(r))
	}
	for _, r := range v.fields("right") {
		spec.Only = append(spec.Only, access.Right(r))
	}
	token, secret, err := v.deps.SignIn.MakeToken(v.r.Context(), v.person(), spec)
	switch {
	case errors.Is(err, signin.ErrUnrecorded):
		return "", unrecorded(err)
	case err != nil:
		return "", invalid(sentence(err))
	}
	v.drafts.forget(v.person().Subject, "/settings")
	if err := v.record(v.refreshes(opens("settings"))); err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "the page of settings is not on record", "error", err) // the token is, and is shown only now
	}
	if err := v.showSettings(&page.MadeToken{Name: token.Name, Secret: secret, Until: token.Until}, nil); err != nil {
		return "", err
	}
	return "", errAnswered
}

func (v *visit) endToken() (string, error) {
	err := v.deps.SignIn.EndToken(v.r.Context(), v.person(), v.field("id"))
	if errors.Is(err, signin.ErrNobody) {
		err = nil
	}
	return "/settings#tokens", err
}

// newToken is the form as it was filled in.
func (v *visit) newToken() page.NewToken {
	n := blankToken(v.person())
	n.Name, n.Owner, n.Cases, n.Days = v.entered("name"), v.entered("owner"), v.entered("cases"), cmp.Or(v.entered("days"), n.Days)
	for i := range n.Roles {
		n.Roles[i].Chosen = v.wasEntered("role", n.Roles[i].Value)
	}
	for i := range n.Rights {
		n.Rights[i].Chosen = v.wasEntered("right", n.Rights[i].Value)
	}
	return n
}

func blankToken(*access.Person) page.NewToken {
	n := page.NewToken{Days: strconv.Itoa(presetDays)}
	for _, r := range access.Roles() {
		n.Roles = append(n.Roles, page.Choice{Value: string(r), Words: r.Words()})
	}
	for _, r := range access.Rights() {
		n.Rights = append(n.Rights, page.Choice{Value: string(r), Words: r.Words()})
	}
	return n
}
