package siem

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"time"
)

// Limits of Datadog's intake: bytes of a request unpacked, logs of a request, bytes of one log, and how old one may be.
const (
	mostDatadog     = 5_000_000
	mostDatadogLogs = 1000
	mostDatadogLog  = 1_000_000
	oldestDatadog   = 18 * time.Hour
)

func datadogRefuse(w http.ResponseWriter, status int) {
	answer(w, status, map[string]any{"errors": []any{map[string]string{"status": http.StatusText(status), "title": http.StatusText(status)}}})
}

func (s *SIEM) datadogLogs(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("DD-API-KEY") {
	case FakeDatadogKey:
	case "":
		datadogRefuse(w, http.StatusUnauthorized)
		return
	default:
		datadogRefuse(w, http.StatusForbidden)
		return
	}
	b, err := body(r)
	if err != nil {
		datadogRefuse(w, http.StatusBadRequest)
		return
	}
	var logs []json.RawMessage
	if len(b) <= mostDatadog && json.Unmarshal(b, &logs) != nil {
		datadogRefuse(w, http.StatusBadRequest)
		return
	}
	if len(b) > mostDatadog || len(logs) > mostDatadogLogs {
		datadogRefuse(w, http.StatusRequestEntityTooLarge)
		return
	}
	events, truncated, restamped := s.datadogEvents(logs)
	s.deliver(w, r, delivery{
		vendor: Datadog, events: events, refuse: func(status int) { datadogRefuse(w, status) },
		taken: func(f Fault, _ *rand.Rand) (int, any) {
			s.with(Datadog, func(h *held) {
				if f == Drop {
					h.counts.Dropped += len(events)
					return
				}
				h.counts.Truncated += truncated
				h.counts.Restamped += restamped
				h.put(events)
			})
			return http.StatusAccepted, struct{}{}
		},
	})
}

// datadogEvents cuts logs that are too large and stamps anew those that are too old: the answer is a success all the same.
func (s *SIEM) datadogEvents(logs []json.RawMessage) (events []event, truncated, restamped int) {
	for _, l := range logs {
		var fields map[string]json.RawMessage
		_ = json.Unmarshal(l, &fields)
		var e event
		_ = json.Unmarshal(fields[s.opts.IDField], &e.id)
		if e.body = fields["event"]; e.body == nil {
			e.body = l
		}
		if len(l) > mostDatadogLog {
			e.body, truncated = e.body[:mostDatadogLog/2], truncated+1
		}
		var ms int64
		if json.Unmarshal(fields["timestamp"], &ms) == nil && time.Since(time.UnixMilli(ms)) > oldestDatadog {
			restamped++
		}
		events = append(events, e)
	}
	return events, truncated, restamped
}
