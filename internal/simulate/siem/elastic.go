package siem

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
)

// mostBulk is http.max_content_length, in bytes.
const mostBulk = 100 << 20

type bulkError struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

type bulkItem struct {
	Index  string     `json:"_index,omitempty"`
	ID     string     `json:"_id,omitempty"`
	Status int        `json:"status"`
	Error  *bulkError `json:"error,omitempty"`
}

func elasticRefuse(w http.ResponseWriter, status int) {
	answer(w, status, map[string]any{"error": bulkError{Type: "exception", Reason: http.StatusText(status)}, "status": status})
}

func elasticKnown(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Authorization") == "ApiKey "+FakeElasticKey {
		return true
	}
	elasticRefuse(w, http.StatusUnauthorized)
	return false
}

func (s *SIEM) elasticBulk(w http.ResponseWriter, r *http.Request) {
	if !elasticKnown(w, r) {
		return
	}
	b, err := body(r)
	if err != nil || len(b) == 0 || b[len(b)-1] != '\n' {
		elasticRefuse(w, http.StatusBadRequest)
		return
	}
	if len(b) > mostBulk {
		elasticRefuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	events, indices, ok := bulkLines(b)
	if !ok {
		elasticRefuse(w, http.StatusBadRequest)
		return
	}
	s.deliver(w, r, delivery{
		vendor: Elastic, events: events, refuse: func(status int) { elasticRefuse(w, status) },
		taken: func(f Fault, dice *rand.Rand) (int, any) { return http.StatusOK, s.bulk(events, indices, f, dice) },
	})
}

// bulkLines reads pairs of lines: what to do, and the document.
func bulkLines(b []byte) (events []event, indices []string, ok bool) {
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	if len(lines)%2 != 0 {
		return nil, nil, false
	}
	for i := 0; i < len(lines); i += 2 {
		var act struct {
			Create *struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			} `json:"create"`
		}
		if json.Unmarshal(lines[i], &act) != nil || act.Create == nil || act.Create.Index == "" {
			return nil, nil, false
		}
		events, indices = append(events, event{act.Create.ID, lines[i+1]}), append(indices, act.Create.Index)
	}
	return events, indices, true
}

// bulk creates documents. An id is taken once in an index, which is why the index is part of what it is held by.
func (s *SIEM) bulk(events []event, indices []string, f Fault, dice *rand.Rand) any {
	items, errs := make([]map[string]bulkItem, len(events)), false
	s.with(Elastic, func(h *held) {
		for i, e := range events {
			it := bulkItem{Index: indices[i], ID: e.id, Status: http.StatusCreated}
			_, there := h.items[indices[i]+"/"+e.id]
			var doc map[string]any
			switch {
			case f == Drop:
				h.counts.Dropped++
			case f == ItemBusy && dice.IntN(2) == 0:
				it.Status, it.Error = http.StatusTooManyRequests, &bulkError{"es_rejected_execution_exception", "rejected execution of coordinating operation"}
			case there:
				it.Status, it.Error = http.StatusConflict, &bulkError{"version_conflict_engine_exception", "[" + e.id + "]: version conflict, document already exists (current version [1])"}
				h.counts.Conflicts++
			case f == ItemRefused && dice.IntN(2) == 0, json.Unmarshal(e.body, &doc) != nil:
				it.Status, it.Error = http.StatusBadRequest, &bulkError{"document_parsing_exception", "[1:25] failed to parse field [severity_id] of type [long] in document with id '" + e.id + "'. Preview of field's value: 'somebody wrote this'"}
			default:
				h.one(event{indices[i] + "/" + e.id, e.body})
			}
			errs = errs || it.Error != nil
			items[i] = map[string]bulkItem{"create": it}
		}
	})
	return map[string]any{"took": 1, "errors": errs, "items": items}
}

// elasticSearch answers a query for ids over an index and all that its name begins.
func (s *SIEM) elasticSearch(w http.ResponseWriter, r *http.Request) {
	if !elasticKnown(w, r) {
		return
	}
	var q struct {
		Query struct {
			IDs struct {
				Values []string `json:"values"`
			} `json:"ids"`
		} `json:"query"`
	}
	b, err := body(r)
	if err != nil || json.Unmarshal(b, &q) != nil {
		elasticRefuse(w, http.StatusBadRequest)
		return
	}
	prefix, hits := bytes.TrimSuffix([]byte(r.PathValue("index")), []byte("*")), 0
	for name := range s.Held(Elastic) {
		index, id, _ := bytes.Cut([]byte(name), []byte("/"))
		for _, want := range q.Query.IDs.Values {
			if want == string(id) && bytes.HasPrefix(index, prefix) {
				hits++
			}
		}
	}
	answer(w, http.StatusOK, map[string]any{"timed_out": false, "hits": map[string]any{"total": map[string]any{"value": hits, "relation": "eq"}}})
}

func elasticTemplate(w http.ResponseWriter, r *http.Request) {
	if elasticKnown(w, r) {
		answer(w, http.StatusOK, map[string]bool{"acknowledged": true})
	}
}
