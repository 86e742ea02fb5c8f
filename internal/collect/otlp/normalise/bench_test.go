package normalise_test

import (
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/tripod-audit/tripod/internal/collect/otlp/normalise"
	"github.com/tripod-audit/tripod/internal/collect/otlp/wire"
)

// bench is one export of n records with 19 attributes, as Claude Code sends them.
func bench(b *testing.B, n int) map[string]export {
	record := func(i int) string {
		return fmt.Sprintf(`{`+now+`,"observedTimeUnixNano":"1795413600000000000","body":{"stringValue":"claude_code.api_request"},%s}`,
			kv("user.id", strings.Repeat("60b6b454", 8), "session.id", "37b6387f-30ba-430a-9197-e4d695f6a887", "organization.id", "5a0f2c6e-94c1-4f52-a80b-7c6d1c0e7a11",
				"user.email", "dana@example.com", "user.account_uuid", "e1a1d7a0-0a0e-4a37-8f0e-5f0b8f4a4a4a", "terminal.type", "xterm-256color",
				"event.name", "api_request", "event.timestamp", "2026-11-23T06:00:00.000Z", "event.sequence", fmt.Sprintf(`{"intValue":%d}`, i),
				"prompt.id", "cd0c4114-976a-4bbf-9e5f-0c93584ae544", "model", "claude-opus-5-5", "input_tokens", `{"intValue":101}`, "output_tokens", `{"intValue":23}`,
				"cost_usd", `{"doubleValue":0.0009204}`, "duration_ms", `{"intValue":344}`, "request_id", fmt.Sprintf("req_011%021d", i), "speed", "normal",
				"query_source", "sdk", "effort", "medium"))
	}
	var list []string
	for i := range n {
		list = append(list, record(i))
	}
	body := `{"resourceLogs":[{"resource":{` + kv("host.arch", "amd64", "os.type", "linux", "os.version", "6.18.44", "service.name", "claude-code", "service.version", "2.1.330") +
		`},"scopeLogs":[{"scope":{"name":"com.anthropic.claude_code.events","version":"2.1.330"},"logRecords":[` + strings.Join(list, ",") + `]}]}]}`
	d, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs([]byte(body))
	if err != nil {
		b.Fatal(err)
	}
	pb, err := (&plog.ProtoMarshaler{}).MarshalLogs(d)
	if err != nil {
		b.Fatal(err)
	}
	return map[string]export{"pb": {"", "logs", wire.Protobuf, string(pb)}, "json": {"", "logs", wire.JSON, body}}
}

func BenchmarkNormalise(b *testing.B) {
	n := normalise.New(0)
	for _, size := range []int{1, 100, 1000} {
		for name, e := range bench(b, size) {
			b.Run(fmt.Sprintf("%s/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if d, err := decode(n, e, origin); err != nil || len(d) != size {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/record")
			})
			b.Run(fmt.Sprintf("collector-%s/%d", name, size), func(b *testing.B) { // decoding alone, for comparison
				b.ReportAllocs()
				for b.Loop() {
					var u plog.Unmarshaler = &plog.ProtoUnmarshaler{}
					if e.encoding == wire.JSON {
						u = &plog.JSONUnmarshaler{}
					}
					if _, err := u.UnmarshalLogs([]byte(e.body)); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/record")
			})
		}
	}
}
