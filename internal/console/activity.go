package console

import (
	"context"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/wording"
)

const (
	// rowsPerPage fills a large screen twice.
	rowsPerPage = 50
	// countsWithin is how long a page waits for counts before it is shown without them; the browser then fetches them.
	countsWithin = 120 * time.Millisecond
	// worthAWord is how many records the search view may be behind before the page says so: the record of the opening
	// itself and what arrives meanwhile are always on their way.
	worthAWord = 200
)

func (c *Console) activityRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /activity", (*visit).opensQuery, (*visit).activity)
	c.page(mux, "GET /activity/counts", (*visit).refreshesQuery, (*visit).activityCounts)
	c.page(mux, "GET /activity/new", (*visit).refreshesQuery, (*visit).activityNew)
	c.page(mux, "GET /activity/words", always(opening{}), (*visit).words)
	c.page(mux, "GET /activity/values", (*visit).opensValues, (*visit).values)
	c.stream(mux, "GET /activity/export", (*visit).exportsQuery, (*visit).export)
}

// opensQuery says that a query is run. A text that is none finds nothing: only the page is opened.
func (v *visit) opensQuery() (opening, error) {
	a := v.ask()
	if a.err != nil {
		return opens("activity"), nil
	}
	return searches(TypeSearch, "activity", a.text), nil
}

// refreshesQuery records nothing for a query that this sign-in has on record already: it is the page of that query asking
// for the rest of itself.
func (v *visit) refreshesQuery() (opening, error) {
	a, err := v.mustAsk()
	if err != nil {
		return opening{}, err
	}
	return v.refreshes(searches(TypeSearch, "activity", a.text)), nil
}

func (v *visit) activity() error {
	a := v.ask()
	p := page.Activity{Query: a.text, Wrong: a.wrong(), Named: namedQueries(a.text)}
	cli := ""
	if a.err == nil {
		p.Chips, p.Ranges = a.chips(), a.ranges()
		cli = v.cli("search", "--", a.text)
		counts := v.countsSoon(&a)
		if err := v.fillList(&a, &p); err != nil {
			<-counts
			return err
		}
		p.Counts = <-counts
		p.CountURL = a.at("/activity/counts")
		p.WholeURL = a.at("/activity", "whole", "1")
		p.Exports = []page.Link{
			{Name: "CSV", Title: "a table for spreadsheets", URL: a.at("/activity/export", "as", "csv")},
			{Name: "NDJSON", Title: "one JSON object a line, as docs/record.md describes", URL: a.at("/activity/export", "as", "ndjson")},
		}
	}
	return v.print("activity", v.frame("Activity", "activity", cli), p)
}

// countsSoon begins to count, and gives what there is by the time a page should be shown: nil where that takes longer.
func (v *visit) countsSoon(a *asked) <-chan *page.Counts {
	done := make(chan *page.Counts, 1)
	within := countsWithin
	if v.r.URL.Query().Has("whole") {
		within = time.Minute
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), within)
	go func() { // ends with its context; activity waits for it
		defer cancel()
		counts, err := v.counts(ctx, a)
		if err != nil {
			counts = nil // the browser asks again and is told why
		}
		done <- counts
	}()
	return done
}

// fillList puts the records on the page. A view that is ill leaves the query bar standing.
func (v *visit) fillList(a *asked, p *page.Activity) error {
	ctx, params := v.r.Context(), v.r.URL.Query()
	oldest, cursor := params.Get("order") == "oldest", params.Get("cursor")
	list := &page.List{Oldest: oldest}
	found, err := v.deps.Reader.Find(ctx, a.query, search.Page{Limit: rowsPerPage, Cursor: cursor, Oldest: oldest})
	if err == nil {
		p.Searched, p.Behind, err = v.searched(ctx)
	}
	if err != nil {
		problem, unknown := asProblem(err)
		if unknown && problem.code == "internal" {
			return err
		}
		p.Problem = &page.Problem{Heading: problem.heading, Text: problem.text, Advice: problem.advice}
		return nil
	}
	seals := v.seals()
	for i := range found.Items {
		seal(&found.Items[i], seals)
		list.Rows = append(list.Rows, rowOf(&found.Items[i]))
	}
	list.Unreadable = found.Unreadable.String()
	order := []string{}
	list.Turn = page.Link{Name: "Oldest first", URL: a.at("/activity", "order", "oldest")}
	if oldest {
		order = []string{"order", "oldest"}
		list.Turn = page.Link{Name: "Newest first", URL: a.at("/activity")}
	}
	if found.Next != "" {
		list.Next = a.at("/activity", append(order, "cursor", found.Next)...)
	}
	if cursor != "" {
		list.First = a.at("/activity", order...)
	} else if !oldest {
		p.NewURL = a.at("/activity/new", "since", uintText(p.Searched))
	}
	if len(list.Rows) == 0 {
		v.whyEmpty(a, list)
	}
	p.List = list
	return nil
}

// searched tells how far the search view has come.
func (v *visit) searched(ctx context.Context) (at, behind uint64, err error) {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return 0, 0, err
	}
	if at, err = index.Position(ctx); err != nil {
		return 0, 0, err
	}
	last, err := v.deps.Reader.Last(ctx)
	if err != nil {
		return 0, 0, err
	}
	if behind = last - min(at, last); behind < worthAWord {
		behind = 0
	}
	return at, behind, nil
}

// whyEmpty suggests what might find something.
func (v *visit) whyEmpty(a *asked, list *page.List) {
	hints, err := v.deps.Reader.NothingHints(v.r.Context(), a.query)
	if err != nil {
		v.deps.Logger.WarnContext(v.r.Context(), "look for what a query may have meant", "error", err) // the list stands without
	}
	for _, h := range hints {
		link := page.Hint{Text: h.String()}
		if t, ok := a.terms.instead(h.Field, h.Value, h.Other(), a.now); ok {
			link.Other, link.URL = h.Other(), a.url(t)
		}
		list.Hints = append(list.Hints, link)
	}
	for i, t := range a.terms {
		if t == defaultQuery {
			continue
		}
		list.Try = append(list.Try, page.Link{Name: t, URL: a.url(a.terms.without(i))})
	}
	if len(list.Try) > 0 {
		return
	}
	count := &reading.Page{}
	q, err := search.Parse(defaultQuery, a.now)
	if err == nil {
		count, err = v.deps.Reader.Find(v.r.Context(), q, search.Page{Limit: 1})
	}
	list.Nothing = err == nil && len(count.Items) == 0
}

// activityNew tells how many records of the query came since the page was made.
func (v *visit) activityNew() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	since, err := uintOf(v.r.URL.Query().Get("since"))
	if err != nil {
		return invalid("since is a position in the journal")
	}
	index, err := v.deps.Reader.Search(v.r.Context())
	if err != nil {
		return err
	}
	const most = 100
	found, err := index.Find(v.r.Context(), a.query, search.Page{Limit: most})
	if err != nil {
		return err
	}
	n := 0
	for _, h := range found.Hits {
		if h.Seq > since {
			n++
		}
	}
	return v.fragment("activity", "new", struct {
		N    int
		More bool
		URL  string
	}{n, n == most, a.at("/activity")})
}

// rowOf makes one line of a record.
func rowOf(item *reading.Item) page.Row {
	r := item.Record
	row := page.Row{
		Seq: item.Seq, Time: r.Occurred, Surface: string(r.Surface), Activity: string(r.Activity), Type: r.Type, Source: string(r.Source),
		Outcome: string(r.Outcome), Flags: r.Flags, Session: r.Keys.Session, Own: r.Source == audit.SourceTripod,
	}
	if r.HasFlag(audit.FlagClockAbsurd) {
		row.Time, row.Recorded = r.Recorded, true
	}
	row.What = wording.Deed(r)
	row.Who, row.Says = r.Account.Telling()
	return row
}

// namedQueries are queries worth a name.
func namedQueries(current string) []page.Link {
	var list []page.Link
	for _, q := range []struct{ name, text string }{
		{"Everything but Tripod's own acts", defaultQuery},
		{"… and calls to the Compliance API", defaultQuery + " -type:compliance_api_accessed"},
		{"Who reads the Compliance API", "type:compliance_api_accessed"},
		{"Denied or failed, last 7 days", "outcome:denied,failure -source:tripod after:-7d"},
		{"Tools that ran, last 24 hours", "activity:tool_result after:-24h"},
		{"Identities in doubt", "flag:identity_mismatch,identity_conflict"},
		{"What Tripod and its users did", "source:tripod"},
	} {
		list = append(list, page.Link{Name: q.name, Title: q.text, URL: page.ActivityURL(q.text), Current: q.text == current})
	}
	return list
}
