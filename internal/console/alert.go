package console

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/alert"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// around is how many records before and after an alert its page shows, each.
const around = 5

// showAlert shows one alert part by part: what cannot be read says so in its place. wrong is what was wrong with a form.
func (v *visit) showAlert(wrong *page.Problem) error {
	k, err := v.alerts()
	if err != nil {
		return err
	}
	ctx, id := v.r.Context(), v.r.PathValue("id")
	a, rule, err := k.Show(ctx, v.person(), id)
	if err != nil {
		return err
	}
	v.withhold(ctx, &a)
	p := page.Alert{AlertRow: page.ShowAlert(a), Rule: rule, Now: v.deps.Now().UTC(), CSRF: v.who.csrf, Wrong: wrong, MayHandle: v.may(access.HandleAlerts), MayOpenCase: v.may(access.OpenCase),
		Note: v.entered("note"), Reason: v.entered("reason"), Until: v.entered("until"), Every: v.entered("every") == "yes", Tomorrow: v.deps.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)}
	for i := range a.Decisions {
		p.Decisions = append(p.Decisions, page.ShowDecision(&a.Decisions[i]))
	}
	if p.Messages, err = k.Messages(ctx, id); err != nil {
		return err
	}
	since := p.Now.Add(-thirtyDays)
	if p.PastRule, p.PastGroup, err = k.Past(ctx, &a, since); err != nil {
		return err
	}
	p.RuleURL = alertFilter{state: "all", rule: a.Rule}.url()
	if !a.Withheld {
		p.AroundProblem = v.part(v.fillAround(ctx, &a, &p))
	}
	p.MissingProblem = v.part(v.fillMissing(ctx, &a, &rule, &p))
	return v.print("alert", v.frame("Alert", "alerts", v.cli("alert", "show", id)), &p)
}

// fillAround shows the record that made an alert fire between others of the same session, or else account, and says how to go on from it.
func (v *visit) fillAround(ctx context.Context, a *alert.Alert, p *page.Alert) error {
	seqs := []uint64{a.LastSeq}
	if a.Firing != nil && len(a.Firing.Seqs) > 0 {
		seqs = a.Firing.Seqs
	}
	item, err := v.deps.Reader.Record(ctx, seqs[len(seqs)-1])
	if err != nil || item.Record == nil {
		return err
	}
	term, value, what := about(item.Record)
	p.Queries = queriesOf(term, value, a.At)
	if term == "" {
		p.Around = append(p.Around, page.AlertRecord{Row: rowOf(item), This: true})
		return nil
	}
	p.AroundOf = what
	q, err := search.Parse(term, time.Time{})
	if err != nil {
		return err
	}
	place := search.Place{Time: search.RowTime(item.Record).UnixMilli(), Seq: item.Seq}
	find := func(oldest bool) ([]page.AlertRecord, error) {
		found, err := v.deps.Reader.Find(ctx, q, search.Page{Limit: around, Cursor: search.EncodeCursor(place, oldest), Oldest: oldest})
		if err != nil {
			return nil, err
		}
		return v.alertRecords(found.Items, seqs), nil
	}
	before, err := find(false)
	if err != nil {
		return err
	}
	slices.Reverse(before)
	after, err := find(true)
	p.Around = append(append(before, page.AlertRecord{Row: rowOf(item), This: true}), after...)
	return err
}

func (v *visit) alertRecords(items []reading.Item, fired []uint64) (list []page.AlertRecord) {
	seals := v.seals()
	for i := range items {
		if items[i].Record == nil {
			continue
		}
		seal(&items[i], seals)
		list = append(list, page.AlertRecord{Row: rowOf(&items[i]), Fired: slices.Contains(fired, items[i].Seq)})
	}
	return list
}

// about is what a record is most closely about: its session, else who acted; as a term of a query, its value, and in words.
func about(r *audit.Record) (term, value, what string) {
	if s := r.Keys.Session; s != "" {
		return "session:" + search.Quote(s), s, "session"
	}
	if who, _ := r.Account.Telling(); who != "" {
		for _, id := range []audit.Identity{r.Account.Proved, r.Account.Asserted} {
			for _, name := range []string{id.Email, id.User, id.UUID, id.Subject} {
				if name != "" {
					return "user:" + search.Quote(name), name, "account"
				}
			}
		}
	}
	return "", "", ""
}

// queriesOf spells the question of what else there is in the languages people ask it in. A value is quoted, whatever it is; where
// it has characters that act, none is made.
func queriesOf(term, value string, at time.Time) []page.AlertQuery {
	if term == "" || !audit.InertText(value) {
		return nil
	}
	from, to := at.Add(-24*time.Hour).UTC().Truncate(time.Second), at.Add(24*time.Hour).UTC().Truncate(time.Second)
	quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	ours := fmt.Sprintf("%s after:%s before:%s", term, from.Format(time.RFC3339), to.Format(time.RFC3339))
	return []page.AlertQuery{
		{Name: "Tripod", Text: ours, URL: page.ActivityURL(ours)},
		{Name: "SPL", Text: fmt.Sprintf(`search sourcetype="tripod:*" earliest=%d latest=%d %s`, from.Unix(), to.Unix(), quoted)},
		{Name: "KQL", Text: fmt.Sprintf("search %s | where TimeGenerated between (datetime(%s) .. datetime(%s))", quoted, from.Format(time.RFC3339), to.Format(time.RFC3339))},
	}
}

// fillMissing names the sources that told nothing for an hour before an alert: of those its rule needs, or of all that ever delivered.
func (v *visit) fillMissing(ctx context.Context, a *alert.Alert, rule *alert.Rule, p *page.Alert) error {
	sources := rule.Sources
	if len(sources) == 0 {
		seen, err := v.deps.Reader.Sources(ctx)
		if err != nil {
			return err
		}
		for _, s := range seen.List {
			sources = append(sources, s.Source)
		}
	}
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return err
	}
	const most = 30
	for _, s := range sources[:min(len(sources), most)] {
		if s == audit.SourceTripod {
			continue
		}
		q, err := search.Parse("source:"+search.Quote(string(s))+" before:"+a.At.Add(time.Second).UTC().Truncate(time.Second).Format(time.RFC3339), time.Time{})
		if err != nil {
			return err
		}
		found, err := index.Find(ctx, q, search.Page{Limit: 1})
		if err != nil {
			return err
		}
		switch {
		case len(found.Hits) == 0:
			p.Missing = append(p.Missing, page.MissingSource{Name: string(s)})
		case a.At.Sub(found.Hits[0].Time) > reading.SilentAfter:
			p.Missing = append(p.Missing, page.MissingSource{Name: string(s), Last: found.Hits[0].Time})
		default:
			p.Present = append(p.Present, string(s))
		}
	}
	return nil
}
