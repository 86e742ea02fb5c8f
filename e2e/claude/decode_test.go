//go:build claude

package claude

import (
	"bytes"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// export is one export that came whole, decoded by OpenTelemetry's own library and none of Tripod's code.
type export struct {
	signal, transport string
	verdict           verdict
	status            string // what serve answered
	acknowledged      bool
	err               error
	sessions          map[string]bool
	events            []event
	spans             []span
	resources         int    // ResourceMetrics inside
	header            string // of the made-up name the client was told to send
	raw               []byte // uncompressed
}

// event is one log record of Claude Code.
type event struct {
	Session  string
	Sequence int64
	Name     string
	Time     time.Time // event.timestamp; the record's own time is read from the clock a moment later
	attrs    pcommon.Map
}

// span is one span of Claude Code.
type span struct {
	Session, Trace, Span, Name string
}

// attr is an attribute of an event as text; "" where it is absent.
func (e event) attr(name string) string {
	if v, ok := e.attrs.Get(name); ok {
		return v.AsString()
	}
	return ""
}

// contains reports whether the export carries s in the clear.
func (x *export) contains(s string) bool {
	return x.header == s || bytes.Contains(x.raw, []byte(s))
}

func (x *export) decode(body []byte) error {
	x.raw = bytes.Clone(body)
	x.sessions = map[string]bool{}
	switch x.signal {
	case "logs":
		return x.decodeLogs(body)
	case "metrics":
		return x.decodeMetrics(body)
	case "traces":
		return x.decodeTraces(body)
	}
	return fmt.Errorf("an export of no known signal (%s)", x.transport)
}

// message is the form both encodings decode into.
type message interface {
	UnmarshalJSON([]byte) error
	UnmarshalProto([]byte) error
}

func (x *export) unmarshal(m message, body []byte) error {
	decode := m.UnmarshalProto
	if x.transport == "http/json" {
		decode = m.UnmarshalJSON
	}
	if err := decode(body); err != nil {
		return fmt.Errorf("decode %s over %s: %w", x.signal, x.transport, err)
	}
	return nil
}

// session notes and returns the session an attribute map names.
func (x *export) session(attrs pcommon.Map) string {
	v, ok := attrs.Get("session.id")
	if !ok {
		return ""
	}
	x.sessions[v.AsString()] = true
	return v.AsString()
}

func (x *export) decodeLogs(body []byte) error {
	req := plogotlp.NewExportRequest()
	if err := x.unmarshal(req, body); err != nil {
		return err
	}
	for _, rl := range req.Logs().ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, r := range sl.LogRecords().All() {
				name, _ := r.Attributes().Get("event.name")
				sequence, ok := r.Attributes().Get("event.sequence")
				if !ok {
					return fmt.Errorf("an event %q without event.sequence", r.Body().AsString())
				}
				at, _ := r.Attributes().Get("event.timestamp")
				occurred, err := time.Parse(time.RFC3339Nano, at.AsString())
				if err != nil {
					return fmt.Errorf("an event %q without a time: %w", r.Body().AsString(), err)
				}
				x.events = append(x.events, event{
					Session: x.session(r.Attributes()), Sequence: sequence.Int(), Name: name.AsString(), Time: occurred, attrs: r.Attributes(),
				})
			}
		}
	}
	return nil
}

func (x *export) decodeTraces(body []byte) error {
	req := ptraceotlp.NewExportRequest()
	if err := x.unmarshal(req, body); err != nil {
		return err
	}
	for _, rs := range req.Traces().ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, s := range ss.Spans().All() {
				x.spans = append(x.spans, span{
					Session: x.session(s.Attributes()), Trace: s.TraceID().String(), Span: s.SpanID().String(), Name: s.Name(),
				})
			}
		}
	}
	return nil
}

func (x *export) decodeMetrics(body []byte) error {
	req := pmetricotlp.NewExportRequest()
	if err := x.unmarshal(req, body); err != nil {
		return err
	}
	x.resources = req.Metrics().ResourceMetrics().Len()
	for _, rm := range req.Metrics().ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				switch m.Type() {
				case pmetric.MetricTypeSum:
					for _, p := range m.Sum().DataPoints().All() {
						x.session(p.Attributes())
					}
				case pmetric.MetricTypeGauge:
					for _, p := range m.Gauge().DataPoints().All() {
						x.session(p.Attributes())
					}
				case pmetric.MetricTypeHistogram:
					for _, p := range m.Histogram().DataPoints().All() {
						x.session(p.Attributes())
					}
				}
			}
		}
	}
	return nil
}
