package console

import (
	"encoding/json"
	"net/http"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/search"
)

// word is something the query bar offers.
type word struct {
	Text string `json:"text"`
	Help string `json:"help,omitempty"`
	N    int64  `json:"n,omitempty"`
}

// words are the fields of the language, and the values of those whose vocabulary is known.
func (v *visit) words() error {
	out := struct {
		Fields []word            `json:"fields"`
		Values map[string][]word `json:"values"`
		Facets []string          `json:"facets"` // fields whose values can be asked for
	}{Values: make(map[string][]word)}
	for _, f := range search.Fields() {
		out.Fields = append(out.Fields, word{Text: f.String(), Help: f.Help()})
		if f.HasFacets() {
			out.Facets = append(out.Facets, f.String())
		}
	}
	for _, a := range audit.Activities() {
		out.Values["activity"] = append(out.Values["activity"], word{Text: string(a)})
	}
	for _, s := range audit.Surfaces() {
		out.Values["surface"] = append(out.Values["surface"], word{Text: string(s)})
	}
	for _, s := range knownSources() {
		out.Values["source"] = append(out.Values["source"], word{Text: string(s.source), Help: s.what})
	}
	for _, o := range []audit.Outcome{audit.OutcomeSuccess, audit.OutcomeFailure, audit.OutcomeDenied, audit.OutcomeUnknown} {
		out.Values["outcome"] = append(out.Values["outcome"], word{Text: string(o)})
	}
	for _, f := range audit.Flags() {
		out.Values["flag"] = append(out.Values["flag"], word{Text: f})
	}
	for _, field := range []string{"after", "before"} {
		out.Values[field] = []word{{Text: "-1h"}, {Text: "-24h"}, {Text: "-7d"}, {Text: "-30d"}, {Text: "today"}, {Text: "yesterday"}}
	}
	out.Values["at"] = []word{{Text: "today"}, {Text: "yesterday"}}
	return v.json(out)
}

// valuesAsked is the field whose values are asked for, and the query they are taken from: what the address asks of other
// fields, so that the values found are more than those it names already.
func (v *visit) valuesAsked() (asked, search.Field, error) {
	a, err := v.mustAsk()
	if err != nil {
		return a, 0, err
	}
	f, ok := search.FieldByName(v.r.URL.Query().Get("field"))
	if !ok || !f.HasFacets() {
		return a, 0, invalid("field is one whose values are counted; none of them names people")
	}
	if others := a.terms.withoutField(f, a.now); len(others) < len(a.terms) {
		a = asks(others.String(), a.now)
	}
	if a.err != nil {
		return a, 0, a.err
	}
	return a, f, nil
}

// opensValues says which query values are taken from: it may find more than the one in the address, and is then a look of
// its own.
func (v *visit) opensValues() (opening, error) {
	a, _, err := v.valuesAsked()
	if err != nil {
		return opening{}, err
	}
	return v.refreshes(searches(TypeSearch, "activity", a.text)), nil
}

// values are what records carry in a field, as far as it has facets.
func (v *visit) values() error {
	a, f, err := v.valuesAsked()
	if err != nil {
		return err
	}
	index, err := v.deps.Reader.Search(v.r.Context())
	if err != nil {
		return err
	}
	const most = 200
	found, err := index.Facets(v.r.Context(), a.query, []search.Field{f}, most)
	if err != nil {
		return err
	}
	out := make([]word, 0, len(found.Values[f]))
	for _, fv := range found.Values[f] {
		out = append(out, word{Text: fv.Value, N: fv.N})
	}
	return v.json(out)
}

// json answers with one JSON value.
func (v *visit) json(value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "application/json")
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(append(b, '\n')) // who asked may have gone away
	return nil
}
