package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/correlate"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// graveFirst is how many discrepancies the overview shows.
const graveFirst = 8

func (c *Console) overviewRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /{$}", always(opens("overview")), (*visit).overview)
}

// overview goes on part by part: what cannot be read says so in its place, and what somebody may not see is left out.
func (v *visit) overview() error {
	ctx := v.r.Context()
	p := page.Overview{FirstRoles: v.firstRoles(), Records: v.may(access.ReadRecords), Verify: v.cli("verify")}
	p.SourcesProblem = v.part(v.fillSources(ctx, &p))
	if p.Records {
		p.DiscrepanciesProblem = v.part(v.fillDiscrepancies(ctx, &p))
		p.HistogramProblem = v.part(v.fillHistogram(ctx, &p))
	}
	p.AttentionProblem = v.part(v.fillAttention(ctx, &p))
	f := v.frame("Overview", "overview", v.cli("doctor"))
	p.Last, p.Signed = f.Last, f.Signed
	var err error
	if _, p.Checkpoint, err = v.deps.Reader.Checkpoint(); err != nil {
		p.LedgerError = "The ledger cannot be read: tripod doctor says why."
		v.deps.Logger.ErrorContext(ctx, "read checkpoint", "error", err)
	}
	if _, behind, err := v.searched(ctx); err == nil {
		p.Behind = behind
	}
	return v.print("overview", f, &p)
}

// part turns what a part of a page failed with into what is shown in its place.
func (v *visit) part(err error) *page.Problem {
	if err == nil {
		return nil
	}
	p, unknown := asProblem(err)
	if unknown {
		v.deps.Logger.ErrorContext(v.r.Context(), "console", "path", v.r.URL.Path, "error", err)
	}
	return &page.Problem{Heading: p.heading, Text: p.text, Advice: p.advice}
}

var planes = []struct {
	plane      audit.Plane
	name, what string
}{
	{audit.PlaneControl, "Control plane", "what the vendor says happened"},
	{audit.PlaneAgent, "Agent plane", "what the clients say they did"},
	{audit.PlaneNetwork, "Network plane", "what passed by"},
	{"", "Other", "sources this version has no name for"},
}

// fillSources parts the sources into those that deliver and those that are not seen, silent ones among them.
func (v *visit) fillSources(ctx context.Context, p *page.Overview) error {
	seen, err := v.deps.Reader.Sources(ctx)
	if err != nil {
		return err
	}
	day, err := v.lastDay(ctx)
	if err != nil {
		return err
	}
	var standing page.Standing
	if v.deps.Standing != nil {
		standing = v.deps.Standing(ctx)
	}
	p.Began = v.began(ctx)
	for _, pl := range planes {
		out := page.Plane{Name: pl.name, What: pl.what}
		for _, k := range sourcesOf(pl.plane, seen.List) {
			s := v.sourceOf(ctx, k, seen, day, standing.Backlog)
			s.Owner = standing.Owners[s.Name]
			switch {
			case s.State == stateSilent, s.State == stateNotSeen, s.State == stateNotKnown:
				p.Unseen = append(p.Unseen, s)
			default:
				out.Sources = append(out.Sources, s)
				p.Connected++
			}
			if s.State == stateAttention {
				p.Attention = append(p.Attention, page.Attention{Text: s.Name + " delivers late: what it last told was " + page.Duration(s.Lag) + " old when it came", URL: "/health", Link: "health", At: s.Last})
			}
		}
		if len(out.Sources) > 0 {
			p.Planes = append(p.Planes, out)
		}
	}
	p.Surfaces, err = v.surfacesNotSeen(ctx)
	return err
}

// surfacesNotSeen lists the products that no record is of; nil where not all were counted.
func (v *visit) surfacesNotSeen(ctx context.Context) ([]string, error) {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return nil, err
	}
	found, err := index.Facets(ctx, new(search.Query), []search.Field{search.FieldSurface}, 200)
	if err != nil || !found.Total.Exact {
		return nil, err
	}
	var list []string
	for _, s := range audit.Surfaces() {
		if s == audit.SurfaceTripod || s == audit.SurfaceUnknown {
			continue
		}
		if !slices.ContainsFunc(found.Values[search.FieldSurface], func(fv search.FacetValue) bool { return fv.Value == string(s) }) {
			list = append(list, string(s))
		}
	}
	return list, nil
}

// sourcesOf lists the sources of a plane that Tripod knows, and behind them those that delivered all the same.
func sourcesOf(plane audit.Plane, seen []reading.Source) []knownSource {
	var list []knownSource
	for _, k := range knownSources() {
		if k.source.Plane() == plane {
			list = append(list, k)
		}
	}
	for _, s := range seen {
		if s.Source.Plane() == plane && !slices.ContainsFunc(list, func(k knownSource) bool { return k.source == s.Source }) {
			list = append(list, knownSource{source: s.Source})
		}
	}
	return list
}

// States of a source.
const (
	stateConnected = "connected"
	stateAttention = "late"
	stateSilent    = "silent" // it delivered before, and not for an hour
	stateNotSeen   = "not seen"
	stateNotKnown  = "not known" // not all was counted
)

func (v *visit) sourceOf(ctx context.Context, k knownSource, seen *reading.Sources, day *search.Facets, backlog map[string]string) page.Source {
	s := page.Source{Name: string(k.source), What: k.what, State: stateNotSeen, URL: page.ActivityURL("source:" + search.Quote(string(k.source)))}
	if !seen.Exact {
		s.State = stateNotKnown
	}
	for _, have := range seen.List {
		if have.Source != k.source {
			continue
		}
		s.All, s.Last, s.State, s.DayAtLeast = have.Records, have.Last, stateConnected, !day.Total.Exact
		for _, fv := range day.Values[search.FieldSource] {
			if fv.Value == string(k.source) {
				s.Day = fv.N
			}
		}
		d := v.delivery(ctx, have, v.deps.Now(), backlog[string(k.source)] != "")
		s.Lag, s.LagKnown = d.lag, d.lagKnown
		switch {
		case d.silent:
			s.State = stateSilent
		case d.late:
			s.State = stateAttention
		}
	}
	return s
}

// lastDay counts the records of the last 24 hours by source.
func (v *visit) lastDay(ctx context.Context) (*search.Facets, error) {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return nil, err
	}
	q, err := search.Parse("after:-24h", v.deps.Now())
	if err != nil {
		return nil, err
	}
	return index.Facets(ctx, q, []search.Field{search.FieldSource}, 100)
}

func (v *visit) fillDiscrepancies(ctx context.Context, p *page.Overview) error {
	view, err := v.deps.Reader.Discrepancies(ctx)
	if err != nil {
		return err
	}
	counts, err := view.Count(ctx)
	if err != nil {
		return err
	}
	p.OpenDiscrepancies = counts.Open
	list, err := view.List(ctx, correlate.Filter{State: correlate.StateOpen})
	if err != nil {
		return err
	}
	for _, severity := range []correlate.Severity{correlate.SeverityHigh, correlate.SeverityMedium, correlate.SeverityLow} {
		n := 0
		for i := range list {
			if list[i].Severity == severity {
				n++
			}
		}
		p.BySeverity = append(p.BySeverity, page.Severity{Name: string(severity), N: n, AtLeast: len(list) == correlate.DefaultLimit})
	}
	slices.SortStableFunc(list, func(a, b correlate.Discrepancy) int { return cmp.Compare(gravity(b.Severity), gravity(a.Severity)) })
	for i := range list[:min(graveFirst, len(list))] {
		p.Discrepancies = append(p.Discrepancies, discrepancyOf(&list[i]))
	}
	return nil
}

func gravity(s correlate.Severity) int {
	switch s {
	case correlate.SeverityHigh:
		return 3
	case correlate.SeverityMedium:
		return 2
	case correlate.SeverityLow:
		return 1
	}
	return 0
}

func discrepancyOf(d *correlate.Discrepancy) page.Discrepancy {
	out := page.Discrepancy{
		Kind: string(d.Kind), Severity: string(d.Severity), Statement: d.Statement, Provisional: d.Provisional, Session: d.Session,
		Seq: d.LastSeq, At: d.To, Count: d.Count, Erased: d.AccountErased, Credential: d.Credential,
	}
	out.Says, out.Proves = saysAndProves(d.Account, d.Details.Proved)
	if d.Account != nil {
		out.Device = d.Account.Device
	}
	if out.Seq == 0 {
		out.Seq = d.FirstSeq
	}
	if out.Session != "" {
		out.Spot = page.SpotURL(out.Session, out.Seq, d)
	}
	if out.At.IsZero() {
		out.At = d.Recorded
	}
	return out
}

// saysAndProves names an account by the identifier in which assertion and proof differ, else by the most telling one; proves
// is "" where they do not differ.
func saysAndProves(asserted, proved *correlate.Account) (says, proves string) {
	if asserted == nil {
		return "", ""
	}
	all := func(a *correlate.Account) []string {
		return []string{a.Email, a.User, a.UUID, a.Subject, a.Device, a.Org}
	}
	values := all(asserted)
	if proved != nil {
		for i, p := range all(proved) {
			if p != "" && values[i] != "" && !strings.EqualFold(p, values[i]) {
				return values[i], p
			}
		}
	}
	return cmp.Or(values[:4]...), ""
}

// fillHistogram shows the last week.
func (v *visit) fillHistogram(ctx context.Context, p *page.Overview) error {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	text, at := defaultQuery+" after:-7d", v.deps.Now()
	q, err := search.Parse(text, at)
	if err != nil {
		return err
	}
	p.Histogram, err = histogramOf(ctx, index, &asked{text: text, query: q, terms: splitTerms(text), now: at})
	return err
}
