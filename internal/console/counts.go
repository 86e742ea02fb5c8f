package console

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/search"
)

// Facets of the page, in its order. None counts people: the search view refuses that.
var facetFields = []search.Field{
	search.FieldActivity, search.FieldOutcome, search.FieldSurface, search.FieldTool, search.FieldMCP, search.FieldModel, search.FieldSource,
	search.FieldFlag, search.FieldType,
}

const (
	topValues   = 40 // counted of each field
	firstValues = 7  // shown without a click
	bars        = 90 // at most, of a histogram
)

func (v *visit) activityCounts() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	counts, err := v.counts(v.r.Context(), &a)
	if err != nil {
		return err
	}
	return v.fragment("activity", "counts", page.Activity{Counts: counts, Query: a.text})
}

// counts counts what a query finds, by value and over time.
func (v *visit) counts(ctx context.Context, a *asked) (*page.Counts, error) {
	index, err := v.deps.Reader.Search(ctx)
	if err != nil {
		return nil, err
	}
	facets, err := facetsOf(ctx, index, a)
	if err != nil {
		return nil, err
	}
	out := &page.Counts{Total: facets.Total.N, AtLeast: !facets.Total.Exact}
	for _, f := range facetFields {
		if facet := facetOf(a, f, facets.Values[f]); facet != nil {
			out.Facets = append(out.Facets, *facet)
		}
	}
	out.Histogram, err = histogramOf(ctx, index, a)
	return out, err
}

// facetsOf counts each field as if nothing were asked of that field, so that other values can be added to those chosen.
func facetsOf(ctx context.Context, index search.Reader, a *asked) (*search.Facets, error) {
	facets, err := index.Facets(ctx, a.query, facetFields, topValues)
	if err != nil {
		return nil, err
	}
	for _, f := range facetFields {
		if len(a.terms.values(f, a.now)) == 0 {
			continue
		}
		others, err := search.Parse(a.terms.withoutField(f, a.now).String(), a.now)
		if err != nil {
			return nil, err
		}
		of, err := index.Facets(ctx, others, []search.Field{f}, topValues)
		if err != nil {
			return nil, err
		}
		facets.Values[f] = of.Values[f]
	}
	return facets, nil
}

func facetOf(a *asked, f search.Field, values []search.FacetValue) *page.Facet {
	chosen := a.terms.values(f, a.now)
	if len(values) == 0 {
		return nil
	}
	out := &page.Facet{Field: f.String(), Help: f.Help()}
	for i, v := range values {
		fv := page.FacetValue{
			Value: v.Value, N: v.N, Share: int(max(1, 100*v.N/max(1, values[0].N))), Active: names(chosen, v.Value),
			URL: a.url(a.terms.toggle(f, v.Value, a.now)), WithURL: a.url(a.terms.except(f, v.Value)),
		}
		if i < firstValues {
			out.Values = append(out.Values, fv)
		} else {
			out.More = append(out.More, fv)
			out.Open = out.Open || fv.Active
		}
	}
	return out
}

// histogramOf draws records over time; nil where there is no time to divide.
func histogramOf(ctx context.Context, index search.Reader, a *asked) (*page.Histogram, error) {
	all, err := index.Histogram(ctx, a.query, bars)
	if err != nil || len(all.Counts) == 0 {
		return nil, err
	}
	bad, err := badOf(ctx, index, a, all)
	if err != nil {
		return nil, err
	}
	n := len(all.Counts)
	end := all.Start.Add(time.Duration(n) * all.Step)
	h := &page.Histogram{
		From: all.Start, To: end, Middle: all.Start.Add(time.Duration(n/2) * all.Step), Step: page.Duration(all.Step), Fine: all.Step < time.Second, AtLeast: !all.Exact,
		URL: a.url(a.terms.within("after:FROM", "before:TO")),
	}
	if len(a.terms.times()) > 0 {
		h.Zoomed = a.url(a.terms.within())
	}
	for _, c := range all.Counts {
		h.Most = max(h.Most, c)
	}
	if h.Most == 0 {
		return nil, nil
	}
	width := 1000 / float64(n)
	for i, c := range all.Counts {
		from := all.Start.Add(time.Duration(i) * all.Step)
		times := between(from, from.Add(all.Step))
		bar := page.Bar{
			X: float64(i) * width, Width: width, N: c, URL: a.url(a.terms.within(times...)),
			From: strings.TrimPrefix(times[0], "after:"), To: strings.TrimPrefix(times[1], "before:"),
		}
		bar.Y, bar.Height = barHeight(c, h.Most)
		if bad != nil && bad.Counts[i] > 0 {
			h.Split = true
			bar.Bad = min(bad.Counts[i], c)
			_, bar.BadH = barHeight(bar.Bad, h.Most)
			bar.BadY = 100 - bar.BadH
		}
		bar.Title = barTitle(from, all.Step, bar.N, bar.Bad)
		h.Bars = append(h.Bars, bar)
	}
	return h, nil
}

// leastHeight is what a bar needs to be seen, and for its colour to be: above 2 pixels of the 68 it is drawn on, its edge not
// counted.
const leastHeight = 5

// barHeight grows with the square root, so that one busy hour does not flatten all others, and leaves a bucket with anything in
// it to be seen.
func barHeight(n, most int64) (y, height float64) {
	if n == 0 {
		return 100, 0
	}
	height = max(leastHeight, 100*math.Sqrt(float64(n)/float64(most)))
	return 100 - height, height
}

func barTitle(from time.Time, step time.Duration, n, bad int64) string {
	to := from.Add(step)
	layout, until := "2006-01-02 15:04", to.UTC().Format("15:04")
	if step < time.Minute {
		layout, until = "2006-01-02 15:04:05", to.UTC().Format("15:04:05")
	}
	if step >= 24*time.Hour {
		layout, until = time.DateOnly, to.UTC().Format(time.DateOnly)
	}
	title := fmt.Sprintf("%s to %s UTC: %s", from.UTC().Format(layout), until, page.Plural(n, "record"))
	if bad > 0 {
		title += fmt.Sprintf(", %s denied or failed", page.Count(bad))
	}
	return title
}

// badOf counts what was denied or failed over the same buckets; nil where the query asks for other outcomes alone, or where
// the buckets would be others.
func badOf(ctx context.Context, index search.Reader, a *asked, all *search.Histogram) (*search.Histogram, error) {
	asked := badAsked(a.terms.values(search.FieldOutcome, a.now))
	if len(asked) == 0 {
		return nil, nil
	}
	end := all.Start.Add(time.Duration(len(all.Counts)) * all.Step)
	t := append(a.terms.withoutField(search.FieldOutcome, a.now).within(between(all.Start, end)...), search.Clause{Field: search.FieldOutcome, Values: asked}.String())
	q, err := search.Parse(t.String(), a.now)
	if err != nil {
		return nil, err
	}
	bad, err := index.Histogram(ctx, q, bars)
	if err != nil {
		return nil, err
	}
	if len(bad.Counts) != len(all.Counts) || bad.Step != all.Step || !bad.Start.Equal(all.Start) {
		return nil, nil
	}
	return bad, nil
}

// badAsked are those of denied and failure that a query for outcomes finds: both where it asks for none.
func badAsked(asked []search.Value) []search.Value {
	var list []search.Value
	for _, o := range []audit.Outcome{audit.OutcomeDenied, audit.OutcomeFailure} {
		finds := func(v search.Value) bool { return v.Prefix && strings.HasPrefix(string(o), search.Fold(v.Text)) }
		if len(asked) == 0 || names(asked, string(o)) || slices.ContainsFunc(asked, finds) {
			list = append(list, search.Value{Text: string(o)})
		}
	}
	return list
}
