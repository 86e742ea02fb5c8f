package console

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/reviews"
)

// soon is how long before something runs out the overview says so.
const soon = 14 * 24 * time.Hour

// fillAttention gathers what waits for somebody, as far as whoever looks may know of it. What cannot be read of it is told
// beside the rest.
func (v *visit) fillAttention(ctx context.Context, p *page.Overview) error {
	for _, c := range v.deps.Health.Conditions() {
		p.Attention = append(p.Attention, page.Attention{Grave: c.Severity == health.Critical, Text: c.Text, URL: "/health", Link: "health", At: c.Since})
	}
	if p.OpenDiscrepancies > 0 {
		high := 0
		for _, s := range p.BySeverity {
			if s.Name == "high" {
				high = s.N
			}
		}
		text := page.Plural(p.OpenDiscrepancies, "open discrepancy")
		if p.OpenDiscrepancies > 1 {
			text = page.Count(p.OpenDiscrepancies) + " open discrepancies"
		}
		if high > 0 {
			text += fmt.Sprintf(", %d of high severity", high)
		}
		var at time.Time
		for i := range p.Discrepancies {
			if p.Discrepancies[i].At.After(at) {
				at = p.Discrepancies[i].At
			}
		}
		p.Attention = append(p.Attention, page.Attention{Grave: high > 0, Text: text, URL: "#discrepancies", Link: "below", At: at})
	}
	var failed error
	for _, gather := range []func(context.Context) ([]page.Attention, error){v.openAlerts, v.decisions, v.releases, v.digestsUnread, v.expiring, v.disappearing} {
		list, err := gather(ctx)
		p.Attention = append(p.Attention, list...)
		failed = cmp.Or(failed, err)
	}
	slices.SortStableFunc(p.Attention, func(a, b page.Attention) int {
		switch {
		case a.Grave == b.Grave:
			return 0
		case a.Grave:
			return -1
		}
		return 1
	})
	return failed
}

// decisions are requests and reviews that wait for who looks.
func (v *visit) decisions(ctx context.Context) (list []page.Attention, err error) {
	if v.deps.Desk == nil || !v.may(access.ReadCases) {
		return nil, nil
	}
	approve, review, err := v.deps.Desk.Waiting(ctx, v.person())
	for i := range approve {
		g := &approve[i]
		list = append(list, page.Attention{Text: fmt.Sprintf("%s asks to open content under %s, and waits for you or another second person", g.By.Label(), g.Case),
			URL: page.CaseURL(g.Case), Link: g.Case, At: g.At})
	}
	for i := range review {
		g := &review[i]
		text := fmt.Sprintf("%s opened content alone under %s: a review is owed", g.By.Label(), g.Case)
		overdue := v.deps.Now().After(g.ReviewDue)
		if overdue {
			text = fmt.Sprintf("%s opened content alone under %s: the review is overdue", g.By.Label(), g.Case)
		}
		list = append(list, page.Attention{Grave: overdue, Text: text, URL: page.CaseURL(g.Case), Link: g.Case, At: g.ReviewDue, Due: true})
	}
	return list, err
}

// releases are legal holds whose release waits for a second person.
func (v *visit) releases(ctx context.Context) (list []page.Attention, err error) {
	if v.deps.Lifecycle == nil || !v.may(access.ReadHolds) || !v.may(access.ReleaseHold) {
		return nil, nil
	}
	holds, err := v.deps.Lifecycle.Holds.List(ctx, v.person())
	for i := range holds {
		h := &holds[i]
		if me := v.person().Identity(); h.State != hold.Releasing || h.Veiled || h.AskedBy.Email == me.Email && h.AskedBy.OSUser == me.OSUser && h.AskedBy.Subject == me.Subject {
			continue
		}
		who, _ := (&audit.Account{Proved: h.AskedBy}).Telling()
		list = append(list, page.Attention{Text: fmt.Sprintf("%s asks to release the legal hold %s, and a second person is waited for", who, h.ID), URL: "/lifecycle#holds", Link: h.ID, At: h.Asked})
	}
	return list, err
}

// digestsUnread are weeks whose digest no privacy officer has read.
func (v *visit) digestsUnread(ctx context.Context) (list []page.Attention, err error) {
	if !v.may(access.ReadReviews) {
		return nil, nil
	}
	made, err := reviews.Made(ctx, v.deps.Reader, 4)
	for _, m := range made {
		if !m.Read {
			list = append(list, page.Attention{Text: "No privacy officer has read the digest of " + m.Week.String() + " yet", URL: page.DigestURL(m.Week), Link: "digest", At: m.Week.End()})
		}
	}
	return list, err
}

// expiring is what runs out soon: what the surroundings know of, and keys of the organisation.
func (v *visit) expiring(ctx context.Context) (list []page.Attention, err error) {
	now := v.deps.Now()
	add := func(what string, at time.Time, url, link string) {
		text := what + " runs out " + page.Ago(now, at)
		if over := !now.Before(at); over {
			text = what + " has run out"
		}
		list = append(list, page.Attention{Grave: !now.Before(at), Text: text, URL: url, Link: link, At: at, Due: true})
	}
	for _, m := range v.mappingOf(v.deps.SignIn.Told().Config) {
		switch near := m.Until.Before(now.Add(soon)) && now.Before(m.Until); {
		case near && m.Mine:
			add("your access as "+m.Roles, m.Until, "/me", "you")
		case near && v.may(access.ReadSettings):
			add("the access of "+m.Who+" as "+m.Roles, m.Until, "/settings", "settings")
		}
	}
	if v.deps.Expiring != nil {
		known, expiringErr := v.deps.Expiring(ctx, now.Add(soon))
		for _, e := range known {
			if v.may(e.Right) {
				add(e.Text, e.At, e.URL, e.Link)
			}
		}
		err = expiringErr
	}
	if !v.may(access.ReadRecords) {
		return list, err
	}
	view, viewErr := v.deps.Reader.Organisation(ctx)
	if viewErr != nil {
		return list, cmp.Or(err, viewErr)
	}
	keys, viewErr := view.Keys(ctx)
	for _, k := range keys {
		if k.Ended == nil && k.Expires != nil && k.Expires.Before(now.Add(soon)) && k.Expires.After(now.Add(-soon)) {
			add("the key "+k.ID, *k.Expires, "/organisation#keys-known", "organisation")
		}
	}
	return list, cmp.Or(err, viewErr)
}
