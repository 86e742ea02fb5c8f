package fleet

import "time"

// resource is who sends an export: the attributes of its process, in the client's order.
type resource struct{ attrs attributes }

// scope is the instrumentation scope of a signal.
type scope struct{ name, version string }

// logRecord is one event. It has no severity and no event name outside its attributes.
type logRecord struct {
	at          time.Time
	body        string
	attrs       attributes
	trace, span string // hexadecimal, "" where the client does not trace
}

// spanRecord is one span.
type spanRecord struct {
	trace, id, parent string
	name              string
	start, end        time.Time
	attrs             attributes
	events            []spanEvent
	failed            bool
	message           string // of the status of a failed one
}

type spanEvent struct {
	at    time.Time
	name  string
	attrs attributes
}

// metric is a counter with the points of one collection: a monotonic sum of differences.
type metric struct {
	name, description, unit string
	points                  []point
}

type point struct {
	attrs       attributes
	start, time time.Time
	value       float64
}

// spanFlags are the W3C trace flags of a sampled span, with the bit that says the parent is known to be local.
const spanFlags = 0x101
