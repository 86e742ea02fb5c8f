package console

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/reading"
	"github.com/tripod-audit/tripod/internal/search"
)

// The JSON API. docs/console.md describes it; names once published stay.

func (c *Console) apiRoutes(mux *http.ServeMux) {
	c.page(mux, "GET /api/v1/search", (*visit).opensByAPI, (*visit).apiSearch)
	c.page(mux, "GET /api/v1/facets", (*visit).opensByAPI, (*visit).apiFacets)
	c.page(mux, "GET /api/v1/histogram", (*visit).opensByAPI, (*visit).apiHistogram)
}

func (v *visit) opensByAPI() (opening, error) {
	a, err := v.mustAsk()
	if err != nil {
		return opening{}, err
	}
	return searches(TypeSearch, "api", a.text), nil
}

type apiPage struct {
	Query      string             `json:"query"`
	Records    []json.RawMessage  `json:"records"`
	Next       string             `json:"next,omitempty"`
	Unreadable reading.Unreadable `json:"unreadable,omitempty"`
	LedgerSize uint64             `json:"ledger_size"`
	Behind     uint64             `json:"index_behind"`
}

func (v *visit) apiSearch() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	limit, err := v.number("limit", search.DefaultLimit, 1000)
	if err != nil {
		return err
	}
	params := v.r.URL.Query()
	p := search.Page{Limit: limit, Cursor: params.Get("cursor"), Oldest: params.Get("order") == "oldest"}
	found, err := v.deps.Reader.Find(v.r.Context(), a.query, p)
	if err != nil {
		return err
	}
	out := apiPage{Query: a.query.String(), Records: make([]json.RawMessage, len(found.Items)), Next: found.Next, Unreadable: found.Unreadable}
	seals := v.seals()
	for i := range found.Items {
		seal(&found.Items[i], seals)
		out.Records[i] = found.Items[i].JSON()
	}
	if out.LedgerSize, _, err = v.deps.Reader.Checkpoint(); err != nil {
		return err
	}
	if out.Behind, err = v.deps.Reader.Behind(v.r.Context()); err != nil {
		return err
	}
	return v.json(out)
}

type apiValue struct {
	Value string `json:"value"`
	N     int64  `json:"n"`
}

func (v *visit) apiFacets() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	top, err := v.number("top", 20, 1000)
	if err != nil {
		return err
	}
	fields := facetFields
	if wanted := v.r.URL.Query()["field"]; len(wanted) > 0 {
		fields = nil
		for _, name := range wanted {
			f, ok := search.FieldByName(name)
			if !ok || !f.HasFacets() {
				return invalid("field is one whose values are counted; none of them names people")
			}
			fields = append(fields, f)
		}
	}
	index, err := v.deps.Reader.Search(v.r.Context())
	if err != nil {
		return err
	}
	found, err := index.Facets(v.r.Context(), a.query, fields, top)
	if err != nil {
		return err
	}
	out := struct {
		Query string                `json:"query"`
		Total int64                 `json:"total"`
		Exact bool                  `json:"exact"`
		Facet map[string][]apiValue `json:"facets"`
	}{a.query.String(), found.Total.N, found.Total.Exact, make(map[string][]apiValue)}
	for _, f := range fields {
		values := make([]apiValue, 0, len(found.Values[f]))
		for _, fv := range found.Values[f] {
			values = append(values, apiValue(fv))
		}
		out.Facet[f.String()] = values
	}
	return v.json(out)
}

func (v *visit) apiHistogram() error {
	a, err := v.mustAsk()
	if err != nil {
		return err
	}
	buckets, err := v.number("buckets", 60, search.MaxBuckets)
	if err != nil {
		return err
	}
	index, err := v.deps.Reader.Search(v.r.Context())
	if err != nil {
		return err
	}
	h, err := index.Histogram(v.r.Context(), a.query, buckets)
	if err != nil {
		return err
	}
	out := struct {
		Query  string     `json:"query"`
		Start  *time.Time `json:"start,omitempty"`
		Step   float64    `json:"step_seconds"`
		Counts []int64    `json:"counts"`
		Exact  bool       `json:"exact"`
	}{a.query.String(), nil, h.Step.Seconds(), h.Counts, h.Exact}
	if len(h.Counts) == 0 {
		out.Counts = []int64{}
	} else {
		out.Start = &h.Start
	}
	return v.json(out)
}
