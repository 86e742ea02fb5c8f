package fleet

// signal is one of OTLP's three.
type signal uint8

const (
	logs signal = iota
	traces
	metrics
)

// String is the signal's name in a path: /v1/logs.
func (s signal) String() string { return [...]string{"logs", "traces", "metrics"}[s] }

// MarshalText writes the name.
func (s signal) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// title is the signal's name in the messages' members: resourceLogs, scopeSpans.
func (s signal) title() string { return [...]string{"Logs", "Spans", "Metrics"}[s] }

// records is the member that holds the records of a scope.
func (s signal) records() string { return [...]string{"logRecords", "spans", "metrics"}[s] }

// method is the path of the gRPC method.
func (s signal) method() string {
	return [...]string{
		"/opentelemetry.proto.collector.logs.v1.LogsService/Export",
		"/opentelemetry.proto.collector.trace.v1.TraceService/Export",
		"/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	}[s]
}
