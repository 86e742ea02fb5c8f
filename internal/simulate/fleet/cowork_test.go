package fleet_test

import (
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/simulate/fleet"
)

// documented are the attributes of Cowork's events beside the common ones (https://claude.com/docs/cowork/monitoring), those that
// depend on an outcome left out.
var documented = map[string][]string{
	"user_prompt":        {"prompt_length", "prompt"},
	"assistant_response": {"model", "request_id", "response_length", "response"},
	"tool_decision":      {"tool_name", "tool_use_id", "decision", "source"},
	"tool_result": {
		"tool_name", "tool_use_id", "success", "duration_ms", "decision_type", "decision_source", "tool_input_size_bytes",
	},
	"api_request": {
		"model", "cost_usd", "duration_ms", "input_tokens", "output_tokens", "cache_read_tokens", "cache_creation_tokens", "speed", "request_id", "query_source",
	},
	"mcp_server_connection": {"status", "transport_type", "server_scope", "duration_ms", "is_plugin"},
}

// TestCoworkIsDocumented: no capture of Cowork is public, so its form is held against the vendor's page: the attributes of each
// event, the resource of the desktop app and its repetition on every record.
func TestCoworkIsDocumented(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	f, _ := week(t, s, func(c *fleet.Config) { c.World = speaking{c.World, "http/json"} })
	if _, err := f.History(t.Context(), monday, monday.AddDate(0, 0, 3)); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range s.taken() {
		if r.path != "/v1/logs" {
			continue
		}
		for _, rl := range decodeLogs(t, r).Logs().ResourceLogs().All() {
			res := rl.Resource().Attributes()
			if attr(res, "service.name") != "cowork" {
				continue
			}
			for _, sl := range rl.ScopeLogs().All() {
				if sl.Scope().Name() != "com.anthropic.claude_code.events" || sl.Scope().Version() == attr(res, "service.version") {
					t.Errorf("scope %s %s of app %s", sl.Scope().Name(), sl.Scope().Version(), attr(res, "service.version"))
				}
				for _, l := range sl.LogRecords().All() {
					m := l.Attributes()
					event := attr(m, "event.name")
					seen[event]++
					for name, v := range res.All() {
						if attr(m, name) != v.AsString() {
							t.Errorf("%s: %s of the resource is %q on the record", event, name, attr(m, name))
						}
					}
					common := []string{"session.id", "organization.id", "user.account_uuid", "user.account_id", "user.id", "user.email", "workspace.host_paths", "claude.deployment_mode", "process.owner"}
					for _, name := range slices.Concat(common, documented[event]) {
						if _, ok := m.Get(name); !ok {
							t.Errorf("%s has no %s", event, name)
						}
					}
					if attr(m, "terminal.type") != "non-interactive" || l.Body().AsString() != "claude_code."+event {
						t.Errorf("%s: terminal %s, body %s", event, attr(m, "terminal.type"), l.Body().AsString())
					}
				}
			}
		}
	}
	for event := range documented {
		if seen[event] == 0 {
			t.Errorf("no %s in three days", event)
		}
	}
	for _, sp := range s.metrics() {
		if attr(sp.Resource().Attributes(), "service.name") == "cowork" {
			t.Error("Cowork sent metrics: on the first-party plan it tells events alone")
		}
	}
}
