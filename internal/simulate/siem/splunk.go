package siem

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// hecReply is what the collector answers. Codes are those of its page on troubleshooting.
type hecReply struct {
	Text    string `json:"text"`
	Code    int    `json:"code"`
	Invalid *int   `json:"invalid-event-number,omitempty"`
	Ack     *int   `json:"ackId,omitempty"`
}

var hecTexts = map[int]string{
	0: "Success", 2: "Token is required", 3: "Invalid authorization", 4: "Invalid token", 5: "No data", 6: "Invalid data format",
	9: "Server is busy", 10: "Data channel is missing", 12: "Event field is required", 14: "ACK is disabled", 15: "Error in handling indexed fields", 17: "HEC is healthy",
}

func hec(w http.ResponseWriter, status, code int) {
	answer(w, status, hecReply{Text: hecTexts[code], Code: code})
}

// hecToken tells the receiver by the token, or answers.
func hecToken(w http.ResponseWriter, r *http.Request) (Vendor, bool) {
	header := r.Header.Get("Authorization")
	token, found := strings.CutPrefix(header, "Splunk ")
	switch {
	case header == "":
		hec(w, http.StatusUnauthorized, 2)
	case !found:
		hec(w, http.StatusUnauthorized, 3)
	case token == FakeToken:
		return Splunk, true
	case token == FakeAckToken:
		return SplunkAck, true
	default:
		hec(w, http.StatusForbidden, 4)
	}
	return "", false
}

func channel(r *http.Request) string {
	if c := r.Header.Get("X-Splunk-Request-Channel"); c != "" {
		return c
	}
	return r.URL.Query().Get("channel")
}

func splunkHealth(w http.ResponseWriter, _ *http.Request) { hec(w, http.StatusOK, 17) }

func (s *SIEM) splunkEvent(w http.ResponseWriter, r *http.Request) {
	v, ok := hecToken(w, r)
	if !ok {
		return
	}
	if v == SplunkAck && channel(r) == "" {
		hec(w, http.StatusBadRequest, 10)
		return
	}
	b, err := body(r)
	if err != nil {
		hec(w, http.StatusBadRequest, 6)
		return
	}
	events, code := s.splunkEvents(b)
	if code != 0 {
		// What stands before the event that is wrong was taken.
		n := len(events)
		s.with(v, func(h *held) { h.put(events) })
		answer(w, http.StatusBadRequest, hecReply{Text: hecTexts[code], Code: code, Invalid: &n})
		return
	}
	if len(events) == 0 {
		hec(w, http.StatusBadRequest, 5)
		return
	}
	s.deliver(w, r, delivery{
		vendor: v, events: events,
		refuse: func(status int) { hec(w, status, hecCode(status)) },
		taken: func(f Fault, _ *rand.Rand) (int, any) {
			s.with(v, func(h *held) {
				if f == Drop {
					h.counts.Dropped += len(events)
					return
				}
				h.put(events)
			})
			reply := hecReply{Text: hecTexts[0]}
			if v == SplunkAck {
				n := s.acks.add(channel(r), f != Drop)
				reply.Ack = &n
			}
			return http.StatusOK, reply
		},
	})
}

func hecCode(status int) int {
	switch status {
	case http.StatusUnauthorized:
		return 3
	case http.StatusRequestEntityTooLarge:
		return 6
	}
	return 9
}

// splunkEvents reads JSON objects one behind another.
func (s *SIEM) splunkEvents(b []byte) (events []event, code int) {
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var e struct {
			Event  json.RawMessage            `json:"event"`
			Fields map[string]json.RawMessage `json:"fields"`
		}
		switch err := d.Decode(&e); {
		case errors.Is(err, io.EOF):
			return events, 0
		case err != nil:
			return events, 6
		case len(e.Event) == 0 || string(e.Event) == "null":
			return events, 12
		}
		var id string
		for name, value := range e.Fields {
			// Indexed fields are flat: strings, or lists of them.
			if len(value) > 0 && value[0] == '{' {
				return events, 15
			}
			if name == s.opts.IDField {
				_ = json.Unmarshal(value, &id)
			}
		}
		events = append(events, event{id, e.Event})
	}
}

// acks are the acknowledgements of all channels.
type acks struct {
	polls int

	mu   sync.Mutex
	next map[string]int
	wait map[string]map[int]int // by channel and number: how often it is still asked for in vain; -1: for ever
}

func (a *acks) add(channel string, indexed bool) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next == nil {
		a.next, a.wait = map[string]int{}, map[string]map[int]int{}
	}
	n := a.next[channel]
	a.next[channel] = n + 1
	if a.wait[channel] == nil {
		a.wait[channel] = map[int]int{}
	}
	a.wait[channel][n] = max(a.polls, 0)
	if !indexed {
		a.wait[channel][n] = -1
	}
	return n
}

// ask tells of one number; a true answer is forgotten with it.
func (a *acks) ask(channel string, n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	left, known := a.wait[channel][n]
	switch {
	case !known || left < 0:
		return false
	case left > 0:
		a.wait[channel][n] = left - 1
		return false
	}
	delete(a.wait[channel], n)
	return true
}

// Restart makes Splunk forget every acknowledgement that nobody asked for yet, as an indexer does that starts anew.
func (s *SIEM) Restart() {
	s.acks.mu.Lock()
	defer s.acks.mu.Unlock()
	clear(s.acks.wait)
}

func (s *SIEM) splunkAck(w http.ResponseWriter, r *http.Request) {
	v, ok := hecToken(w, r)
	if !ok {
		return
	}
	if v != SplunkAck {
		hec(w, http.StatusBadRequest, 14)
		return
	}
	if channel(r) == "" {
		hec(w, http.StatusBadRequest, 10)
		return
	}
	var q struct {
		Acks []int `json:"acks"`
	}
	b, err := body(r)
	if err != nil || json.Unmarshal(b, &q) != nil {
		hec(w, http.StatusBadRequest, 6)
		return
	}
	reply := map[string]bool{}
	for _, n := range q.Acks {
		reply[fmt.Sprint(n)] = s.acks.ask(channel(r), n)
	}
	answer(w, http.StatusOK, map[string]any{"acks": reply})
}

var searched = regexp.MustCompile(`::"?([0-9a-f]{32})"?`)

// splunkSearch answers a search for an indexed field, one JSON object a line, as the export endpoint does.
func (s *SIEM) splunkSearch(w http.ResponseWriter, r *http.Request) {
	if bearer(r) != FakeToken {
		answer(w, http.StatusUnauthorized, map[string]any{"messages": []any{map[string]string{"type": "WARN", "text": "call not properly authenticated"}}})
		return
	}
	id := searched.FindStringSubmatch(r.FormValue("search"))
	if id == nil {
		answer(w, http.StatusBadRequest, map[string]any{})
		return
	}
	for _, v := range []Vendor{Splunk, SplunkAck} {
		if _, there := s.Held(v)[id[1]]; there {
			answer(w, http.StatusOK, map[string]any{"preview": false, "offset": 0, "lastrow": true, "result": map[string]string{s.opts.IDField: id[1]}})
			return
		}
	}
	w.WriteHeader(http.StatusOK)
}
