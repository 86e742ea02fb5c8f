// Package capture holds what a real Claude Code sent over OTLP, scenario by scenario, and sends it again with fresh times
// and ids, so that a receiver sees it as if it happened now.
//
// The exports were captured in November 2026 from @anthropic-ai/claude-code (2.1.330 unless a scenario's name says
// otherwise) against a simulated Messages API with a made-up key; strings over 200 characters are cut and records that
// repeat one another left out. Everything here is
// read only or a fresh copy and safe for concurrent use.
package capture

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"time"
)

//go:embed exports/*.json
var files embed.FS

// Scenario is one run of the client.
type Scenario struct {
	Name    string
	What    string // what the run did, in words
	Exports []Export
}

// Export is one request of the client.
type Export struct {
	Signal    string // "logs", "metrics", "traces"
	Transport string // "http/protobuf" or "http/json", as it was sent
	// Body is the OTLP request in JSON, numbers as json.Number. Exports whose body was not kept are left out.
	Body map[string]any
}

// Scenarios reads all scenarios, by name.
func Scenarios() ([]Scenario, error) {
	entries, err := files.ReadDir("exports")
	if err != nil {
		return nil, fmt.Errorf("list captures: %w", err)
	}
	list := make([]Scenario, 0, len(entries))
	for _, e := range entries {
		b, err := files.ReadFile("exports/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read capture: %w", err)
		}
		s, err := parse(b)
		if err != nil {
			return nil, fmt.Errorf("read capture %s: %w", e.Name(), err)
		}
		list = append(list, s)
	}
	return list, nil
}

func parse(b []byte) (Scenario, error) {
	var raw struct {
		Scenario, What string
		Exports        []struct {
			Signal, Transport string
			Decoded           json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return Scenario{}, err
	}
	s := Scenario{Name: raw.Scenario, What: raw.What}
	for _, e := range raw.Exports {
		if bytes.HasPrefix(e.Decoded, []byte(`"`)) {
			continue // a note in place of a body
		}
		dec := json.NewDecoder(bytes.NewReader(e.Decoded))
		dec.UseNumber()
		var body map[string]any
		if err := dec.Decode(&body); err != nil {
			return Scenario{}, err
		}
		s.Exports = append(s.Exports, Export{Signal: e.Signal, Transport: e.Transport, Body: body})
	}
	s.closeUp()
	return s, nil
}

// Records counts the log records, spans and metric exports of an export: what a receiver makes records of.
func (e Export) Records() int {
	n := 0
	for _, r := range list(e.Body, "resourceLogs") {
		for _, s := range list(r, "scopeLogs") {
			n += len(list(s, "logRecords"))
		}
	}
	for _, r := range list(e.Body, "resourceSpans") {
		for _, s := range list(r, "scopeSpans") {
			n += len(list(s, "spans"))
		}
	}
	return n + len(list(e.Body, "resourceMetrics"))
}

func list(v any, name string) []any {
	m, _ := v.(map[string]any)
	l, _ := m[name].([]any)
	return l
}

// Last is the latest time any export of the scenario names.
func (s Scenario) Last() time.Time {
	var last int64
	for _, e := range s.Exports {
		walkTimes(e.Body, func(nanos int64) { last = max(last, nanos) })
	}
	return time.Unix(0, last)
}

// Session is the session id of the first log record.
func (s Scenario) Session() string {
	for _, e := range s.Exports {
		for _, r := range list(e.Body, "resourceLogs") {
			for _, sc := range list(r, "scopeLogs") {
				for _, rec := range list(sc, "logRecords") {
					if id := attribute(rec, "session.id"); id != "" {
						return id
					}
				}
			}
		}
	}
	return ""
}

func attribute(v any, name string) string {
	for _, a := range list(v, "attributes") {
		m, _ := a.(map[string]any)
		value, _ := m["value"].(map[string]any)
		if s, ok := value["stringValue"].(string); ok && m["key"] == name {
			return s
		}
	}
	return ""
}
