// Package wire reads OTLP export requests (logs, metrics, traces; protobuf or JSON) into one form, the same for the same
// data however it was spelled.
//
// It promises: no input makes it panic, recurse deeper than Limits.MaxDepth, or allocate more than a small multiple of
// the body: every record, attribute, value and point is counted before it is made. One odd value never loses the rest:
// it is read as what it most nearly is, and the record around it carries a note (Odd). Only a body that is no OTLP at all
// is refused. Strings of the result share the memory of the body, and none is invalid UTF-8. It has no state; everything
// here is safe for concurrent use.
//
// The protocol: https://opentelemetry.io/docs/specs/otlp/, messages of opentelemetry-proto 1.x.
package wire

import (
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Encoding is how an export request is spelled.
type Encoding uint8

// The encodings.
const (
	Protobuf Encoding = iota
	JSON
)

// Limits bound what one export request may hold. The zero value means the defaults.
type Limits struct {
	MaxRecords int // log records, spans or resource metrics; default 20,000
	MaxNodes   int // records, attributes, values, points and other parts together; default 1,000,000
	MaxDepth   int // nesting of one value; deeper ones are cut; default 32
}

func (l Limits) withDefaults() Limits {
	if l.MaxRecords <= 0 {
		l.MaxRecords = 20_000
	}
	if l.MaxNodes <= 0 {
		l.MaxNodes = 1_000_000
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = 32
	}
	return l
}

var (
	// ErrNotOTLP: the body is no export request in the encoding it claims. The error names a position, never content.
	ErrNotOTLP = errors.New("not an OTLP export request")
	// ErrTooMany: the request holds more than the limits allow; the sender should send smaller batches.
	ErrTooMany = errors.New("too many records or attributes in one export request")
)

func notOTLP(what string, offset int) error {
	return fmt.Errorf("%w: %s at byte %d", ErrNotOTLP, what, offset)
}

// Odd notes what was odd about a record as it came.
type Odd uint8

// The oddities.
const (
	OddText  Odd = 1 << iota // bytes that are no UTF-8, or half a surrogate pair, were replaced
	OddValue                 // a value or field was not of the form OTLP says; it was read as what it most nearly is
	OddDepth                 // a value was nested deeper than the limit and was cut there
)

// Value is one attribute value or body. The zero Value is empty.
type Value struct {
	Kind audit.Kind
	Num  uint64 // bool: 0 or 1; int: two's complement; double: IEEE 754 bits
	Str  string // string; bytes: as they are
	list *nested
}

// nested holds what few values have, so that the many stay small.
type nested struct {
	items  []Value
	fields []Attr
}

// Items are the elements of an array.
func (v *Value) Items() []Value {
	if v.list == nil {
		return nil
	}
	return v.list.items
}

// Fields are the entries of a map.
func (v *Value) Fields() []Attr {
	if v.list == nil {
		return nil
	}
	return v.list.fields
}

// Attr is one attribute.
type Attr struct {
	Name  string
	Value Value
}

// Group is what one resource sent; T is Log, Metric or Span.
type Group[T any] struct {
	Resource  []Attr
	Dropped   uint32 // attributes the sender dropped
	SchemaURL string
	Scopes    []Scope[T]
	Odd       Odd // of the resource
}

// Scope is what one instrumentation scope of a resource sent.
type Scope[T any] struct {
	Name, Version string
	Attrs         []Attr
	Dropped       uint32
	SchemaURL     string
	Items         []T
	Odd           Odd // of the scope itself
}

// Log is one log record. Times are nanoseconds since 1970, 0 where unset; ids are lower-case hex, "" where unset.
type Log struct {
	Time, Observed uint64
	Severity       int32
	SeverityText   string
	EventName      string
	Body           Value
	Attrs          []Attr
	Dropped        uint32
	Flags          uint32
	Trace, Span    string
	Odd            Odd
}

// Span is one span.
type Span struct {
	Trace, Span, Parent, State string
	Flags                      uint32
	Name                       string
	Kind                       int32
	Start, End                 uint64
	Attrs                      []Attr
	Dropped                    uint32
	Events                     []Event
	DroppedEvents              uint32
	Links                      []Link
	DroppedLinks               uint32
	Status                     int32
	Message                    string
	Odd                        Odd
}

// Event is something that happened during a span.
type Event struct {
	Time    uint64
	Name    string
	Attrs   []Attr
	Dropped uint32
}

// Link points from a span to another.
type Link struct {
	Trace, Span, State string
	Attrs              []Attr
	Dropped            uint32
	Flags              uint32
}

// MetricKind is the kind of a metric's data.
type MetricKind uint8

// The kinds of metrics. NoData is a metric without any.
const (
	NoData MetricKind = iota
	Gauge
	Sum
	Histogram
	ExpHistogram
	Summary
)

// Metric is one metric with its points.
type Metric struct {
	Name, Description, Unit string
	Kind                    MetricKind
	Temporality             int32 // 1 delta, 2 cumulative
	Monotonic               bool
	Points                  []Point
	Odd                     Odd
}

// Point is one data point. Of a distribution Value is the sum, empty where unset.
type Point struct {
	Attrs       []Attr
	Start, Time uint64
	Value       Value
	Flags       uint32
	Exemplars   []Exemplar
	Dist        *Distribution // of histograms and summaries
}

// Distribution is what histograms and summaries say beyond their sum.
type Distribution struct {
	Count              uint64
	Min, Max           Value
	Bounds             []float64 // explicit bounds of a histogram
	Buckets            []uint64
	Scale              int32 // of an exponential histogram, like all that follows but the quantiles
	ZeroCount          uint64
	ZeroThreshold      float64
	Positive, Negative Buckets
	Quantiles          []Quantile // of a summary
}

// Buckets is one side of an exponential histogram.
type Buckets struct {
	Offset int32
	Counts []uint64
}

// Quantile is one quantile of a summary.
type Quantile struct{ Quantile, Value float64 }

// Exemplar is one measurement picked out of a point.
type Exemplar struct {
	Attrs       []Attr
	Time        uint64
	Value       Value
	Trace, Span string
}

// DecodeLogs reads an ExportLogsServiceRequest. Errors wrap ErrNotOTLP or ErrTooMany.
func DecodeLogs(body string, enc Encoding, lim Limits) ([]Group[Log], error) {
	d := newDecoder(body, lim)
	if enc == JSON {
		return decodeJSON(d, body, logsJSON)
	}
	return decodeProto(d, body, logProto)
}

// DecodeTraces reads an ExportTraceServiceRequest. Errors wrap ErrNotOTLP or ErrTooMany.
func DecodeTraces(body string, enc Encoding, lim Limits) ([]Group[Span], error) {
	d := newDecoder(body, lim)
	if enc == JSON {
		return decodeJSON(d, body, spansJSON)
	}
	return decodeProto(d, body, spanProto)
}

// DecodeMetrics reads an ExportMetricsServiceRequest. Errors wrap ErrNotOTLP or ErrTooMany.
func DecodeMetrics(body string, enc Encoding, lim Limits) ([]Group[Metric], error) {
	d := newDecoder(body, lim)
	if enc == JSON {
		return decodeJSON(d, body, metricsJSON)
	}
	return decodeProto(d, body, metricProto)
}
