package siem

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// Held is what a receiver has of one item.
type Held struct {
	Body  []byte // the event as it was sent, without the vendor's envelope; nil with Options.IDsOnly
	Times int    // how often it was stored: more than one is a duplicate
}

// Counts is what a receiver took in all.
type Counts struct {
	Items      int            `json:"items"`      // different ids
	Duplicates int            `json:"duplicates"` // stored again beside the first; for Elastic always 0
	Conflicts  int            `json:"conflicts"`  // refused because they were there: Elastic's 409
	Dropped    int            `json:"dropped"`    // answered with success and thrown away
	Truncated  int            `json:"truncated"`  // cut because they were too large, answered with success
	Restamped  int            `json:"restamped"`  // so old that their time was replaced
	Requests   int            `json:"requests"`   // requests with items, whatever became of them
	Faults     map[string]int `json:"faults"`     // what befell them
}

type held struct {
	idsOnly bool
	items   map[string]Held
	counts  Counts
}

func newHeld(idsOnly bool) *held {
	return &held{idsOnly: idsOnly, items: map[string]Held{}, counts: Counts{Faults: map[string]int{}}}
}

// event is one item of a request.
type event struct {
	id   string
	body []byte
}

func (s *SIEM) with(v Vendor, f func(*held)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.held[v])
}

// put stores events that have no id as far as their receiver is concerned: one that comes again is there twice.
func (h *held) put(events []event) {
	for _, e := range events {
		h.one(e)
	}
}

func (h *held) one(e event) {
	was := h.items[e.id]
	if was.Times++; was.Times > 1 {
		h.counts.Duplicates++
	}
	if !h.idsOnly {
		was.Body = bytes.Clone(e.body)
	}
	h.items[e.id] = was
}

// Held is what a receiver has, by id.
func (s *SIEM) Held(v Vendor) (all map[string]Held) {
	s.with(v, func(h *held) { all = maps.Clone(h.items) })
	return all
}

// IDs are the ids of what a receiver has, sorted.
func (s *SIEM) IDs(v Vendor) (ids []string) {
	s.with(v, func(h *held) { ids = slices.Sorted(maps.Keys(h.items)) })
	return ids
}

// Counts is what a receiver took so far.
func (s *SIEM) Counts(v Vendor) (c Counts) {
	s.with(v, func(h *held) {
		c = h.counts
		c.Items, c.Faults = len(h.items), maps.Clone(c.Faults)
	})
	return c
}

// Forget empties every receiver.
func (s *SIEM) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for v := range s.held {
		s.held[v] = newHeld(s.opts.IDsOnly)
	}
}

// report shows people what is held: counts by vendor.
func (s *SIEM) report(w http.ResponseWriter, _ *http.Request) {
	all := map[Vendor]Counts{}
	for _, v := range Vendors() {
		all[v] = s.Counts(v)
	}
	answer(w, http.StatusOK, all)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whom the answer does not reach asks again
}
