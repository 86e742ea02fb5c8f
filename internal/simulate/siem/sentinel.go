package siem

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"time"
)

// Limits of the Logs Ingestion API, in bytes: a call, packed or not, and the value of a column.
const (
	mostSentinel = 1 << 20
	mostColumn   = 64 << 10
)

func azure(w http.ResponseWriter, status int, code string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": http.StatusText(status)}})
}

// sentinelToken is the identity platform's grant of client credentials.
func (s *SIEM) sentinelToken(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") == "" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	if r.FormValue("client_id") != FakeClient || r.FormValue("client_secret") != FakeClientSecret {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	s.tokens.give(w)
}

func (s *SIEM) sentinelRows(w http.ResponseWriter, r *http.Request) {
	switch {
	case !s.tokens.good(bearer(r)):
		azure(w, http.StatusUnauthorized, "Unauthorized")
		return
	case r.PathValue("rule") != FakeRule:
		azure(w, http.StatusNotFound, "NotFound")
		return
	case r.URL.Query().Get("api-version") == "":
		azure(w, http.StatusBadRequest, "MissingApiVersionParameter")
		return
	}
	b, err := body(r)
	if err != nil {
		azure(w, http.StatusBadRequest, "InvalidPayload")
		return
	}
	if len(b) > mostSentinel {
		azure(w, http.StatusRequestEntityTooLarge, "ContentLengthLimitExceeded")
		return
	}
	var rows []map[string]json.RawMessage
	if json.Unmarshal(b, &rows) != nil || len(rows) == 0 {
		azure(w, http.StatusBadRequest, "InvalidPayload")
		return
	}
	events, truncated, restamped := s.sentinelEvents(rows)
	s.deliver(w, r, delivery{
		vendor: Sentinel, events: events, refuse: func(status int) { azure(w, status, http.StatusText(status)) },
		taken: func(f Fault, _ *rand.Rand) (int, any) {
			s.with(Sentinel, func(h *held) {
				if f == Drop {
					h.counts.Dropped += len(events)
					return
				}
				h.counts.Truncated += truncated
				h.counts.Restamped += restamped
				h.put(events)
			})
			return http.StatusNoContent, nil
		},
	})
}

// sentinelEvents takes the rows as the rule lets them through: the event of a row is its column Event where it has one, and
// else the row. Columns that are too long are cut, and times that are too old are replaced.
func (s *SIEM) sentinelEvents(rows []map[string]json.RawMessage) (events []event, truncated, restamped int) {
	for _, row := range rows {
		var e event
		_ = json.Unmarshal(row[s.opts.IDField], &e.id)
		var at time.Time
		_ = json.Unmarshal(row["TimeGenerated"], &at)
		if time.Since(at) > 48*time.Hour {
			restamped++
		}
		for name, value := range row {
			if len(value) > mostColumn {
				row[name] = value[:mostColumn]
				truncated++
			}
		}
		if e.body = row["Event"]; e.body == nil {
			e.body, _ = json.Marshal(row)
		}
		events = append(events, e)
	}
	return events, truncated, restamped
}
