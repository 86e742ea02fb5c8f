package otlp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc/metadata"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/otlp"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TestCanary plants a string wherever a client can write one, and looks for it in everything the receiver says.
func TestCanary(t *testing.T) {
	t.Parallel()
	const canary = "canary-7be1"
	r := start(t, otlp.Config{Tokens: []credential.Token{token("fleet", "fleet-token", audit.Identity{})}})
	attr := func(name, value string) string { return `{"key":"` + name + `","value":` + value + `}` }
	text := `{"stringValue":"` + canary + `"}`
	attrs := strings.Join([]string{
		attr("event.name", `{"stringValue":"user_prompt"}`), attr("prompt", text), attr("prompt_text", text), attr("tomorrow", text), attr("tool_parameters", text),
		attr("tool_input", `{"stringValue":"{\"command\":\"`+canary+`\",\"mcp_tool_name\":\"x\"}"}`), attr("full_command", text), attr("error", text),
		attr("list", `{"arrayValue":{"values":[`+text+`]}}`), attr("map", `{"kvlistValue":{"values":[`+attr("k", text)+`]}}`),
		attr("workspace.host_paths", `{"arrayValue":{"values":[`+text+`]}}`), attr("model", `{"stringValue":"`+strings.Repeat(canary, 40)+`"}`),
		attr("bytes", `{"bytesValue":"Y2FuYXJ5LTdiZTE="}`), attr("odd", `{"newValue":"`+canary+`"}`),
	}, ",")
	head := `"resource":{"attributes":[` + attr("service.name", `{"stringValue":"claude-code"}`) + `,` + attr("team", text) + `]}`
	bodies := map[string]string{
		"/v1/logs": `{"resourceLogs":[{` + head + `,"scopeLogs":[{"scope":{"name":"` + canary + ` scope","attributes":[` + attr("s", text) + `]},"logRecords":[` +
			`{"severityText":"` + canary + `","body":` + text + `,"eventName":"` + canary + ` !","attributes":[` + attrs + `]},` +
			`{"body":{"stringValue":"` + canary + `"}},{"body":{"stringValue":"claude_code.x ` + canary + `"}},"` + canary + `"]}]}]}`,
		"/v1/traces": `{"resourceSpans":[{` + head + `,"scopeSpans":[{"spans":[{"traceId":"` + canary + `","name":"say ` + canary + ` now","traceState":"` + canary + `",` +
			`"status":{"code":2,"message":"` + canary + `"},"attributes":[` + attrs + `],"events":[{"name":"a ` + canary + ` b","attributes":[` + attrs + `]}],` +
			`"links":[{"traceState":"` + canary + `","attributes":[` + attrs + `]}]}]}]}]}`,
		"/v1/metrics": `{"resourceMetrics":[{` + head + `,"scopeMetrics":[{"metrics":[{"name":"a ` + canary + ` b","description":"` + canary + `","unit":"` + canary + ` per second","sum":{"dataPoints":[` +
			`{"asInt":1,"attributes":[` + attrs + `],"exemplars":[{"asInt":1,"filteredAttributes":[` + attrs + `]}]}]}}]}]}]}`,
	}
	says := func(what, s string) {
		t.Helper()
		if strings.Contains(s, canary) || strings.Contains(s, "fleet-token") {
			t.Errorf("%s says: %s", what, s)
		}
	}
	auth := []string{"Authorization", "Bearer fleet-token", "User-Agent", canary, "X-Secret", canary}
	for path, body := range bodies {
		res := r.post(t, path, jsonType, strings.NewReader(body), auth...)
		if res.code != 200 {
			t.Fatalf("%s: %d %s", path, res.code, res.body)
		}
		says("the answer", fmt.Sprint(res))
		del := r.door.one(t)
		beside := 0
		for _, d := range del.Drafts {
			says("the record of "+path, string(d.Record.AppendCanonical(nil)))
			for _, p := range d.Pieces {
				says("the name of a piece", p.Name)
				if strings.Contains(string(p.Value), canary) {
					beside++
				}
			}
		}
		if beside < 10 {
			t.Errorf("%s: only %d pieces hold what was sent", path, beside)
		}
	}
	// Everything that can be refused, and a door whose error repeats what it was given.
	for _, body := range []string{canary, `{"resourceLogs":"` + canary + `"}`, `{"resourceLogs":[{"` + canary, `{"` + canary + `":"\u00"}`} {
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", jsonType, strings.NewReader(body), auth...)))
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", protobuf, strings.NewReader(body), auth...)))
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", protobuf, strings.NewReader(body), append(auth, "Content-Encoding", "gzip")...)))
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", protobuf, strings.NewReader(body), append(auth, "Content-Encoding", canary)...)))
		says("a refusal", fmt.Sprint(r.post(t, "/"+canary, protobuf, strings.NewReader(body), auth...)))
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", canary, strings.NewReader(body), auth...)))
		says("a refusal", fmt.Sprint(r.post(t, "/v1/logs", jsonType, strings.NewReader(body), "Authorization", "Bearer "+canary)))
	}
	r.door.set(func(context.Context, intake.Delivery) error { return errors.New("disk full") })
	says("the answer", fmt.Sprint(r.post(t, "/v1/logs", jsonType, strings.NewReader(bodies["/v1/logs"]), auth...)))
	client := plogotlp.NewGRPCClient(r.dial(t, nil))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer fleet-token", "x-secret", canary)
	logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(oneEvent))
	if err != nil {
		t.Fatal(err)
	}
	logs.ResourceLogs().At(0).Resource().Attributes().PutStr("x", canary)
	_, err = client.Export(ctx, plogotlp.NewExportRequestFromLogs(logs))
	says("gRPC", fmt.Sprint(err))
	says("the log", r.log.String())
	says("a metric", r.scrape(t))
	says("health", fmt.Sprint(r.health.Conditions()))
}
