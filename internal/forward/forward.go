// Package forward hands the journal on to systems outside: SIEMs, data lakes, queues, files. It has the contract of a sink,
// and the Forwarder that follows the journal for each of them.
//
// Durability: what a sink is behind is in the journal, and how far it came is in DIR/forward.db, synced at most a second or a
// thousand items after the sink acknowledged. Nothing is dropped: an item that a sink refuses for good becomes a dead letter,
// kept with its bytes until somebody sends it again or gives it up, and where no room is left for those, the sink waits. After
// a crash items are sent again under the same ids; what becomes of them then is the sink's Grade. Erasing a record takes its
// dead letters along.
//
// Order: batches are made in the order of the journal. Up to Limits.InFlight of them are under way at once, so they arrive in
// order only where that is 1, and nothing is resent. The cursor is the end of the contiguous stretch that was acknowledged.
//
// Concurrency: a Forwarder is driven by one Run, which owns every goroutine; its other methods are safe for concurrent use. A
// slow sink slows neither the ways in nor another sink.
package forward

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is what an item stands for.
type Kind uint8

// The kinds. A batch holds items of one kind.
const (
	KindRecord     Kind = iota + 1 // a record of the journal, the heartbeat included
	KindCheckpoint                 // a signed checkpoint of the ledger
	KindAlert                      // an alert
	KindProbe                      // a marker that is looked for afterwards
)

// String is the kind as the command line and Type show it.
func (k Kind) String() string {
	switch k {
	case KindRecord:
		return "record"
	case KindCheckpoint:
		return "checkpoint"
	case KindAlert:
		return "alert"
	case KindProbe:
		return "probe"
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Item is one thing to send. It is a pure function of what it stands for, so sending it again is sending the same.
type Item struct {
	ID   string    // 32 hex digits: what the receiver de-duplicates by
	Kind Kind      //
	Seq  uint64    // position of a record, size of a checkpoint, else 0
	Time time.Time // when it occurred, UTC, to the millisecond: for the receiver's clock column
	Key  string    // what orders: session, else account, else source
	Type string    // the record's own type, "tripod.checkpoint", "tripod.alert", "tripod.probe"
	Body []byte    // one JSON object in the sink's format, without a line feed; must not be changed
}

// Grade is what an acknowledgement of a sink is worth.
type Grade string

// The grades. None but GradeExact promises that nothing is there twice.
const (
	GradeExact      Grade = "exactly once by key" // durable, and a resend is recognised for ever
	GradeDurable    Grade = "durable"             // on disk at the receiver when it acknowledges
	GradeAccepted   Grade = "accepted"            // taken over; what becomes of it is not told
	GradeBestEffort Grade = "best effort"         // no acknowledgement exists: written to a connection
)

// Limits bound a batch.
type Limits struct {
	Items     int           // items of a batch; 0: 1,000
	Bytes     int           // bodies of a batch together, in bytes; 0: 1 MiB
	ItemBytes int           // one body, in bytes: a larger one is a dead letter; 0: Bytes
	InFlight  int           // batches under way at once; 0: 1
	Linger    time.Duration // how long a batch waits to fill; 0: not at all
	// Exact: a batch that was begun has the same records whenever it is sent, because its boundaries are durable before the
	// first Send. For sinks whose key names the batch.
	Exact bool
}

func (l Limits) withDefaults() Limits {
	if l.Items <= 0 {
		l.Items = 1000
	}
	if l.Bytes <= 0 {
		l.Bytes = 1 << 20
	}
	if l.ItemBytes <= 0 {
		l.ItemBytes = l.Bytes
	}
	l.InFlight = max(l.InFlight, 1)
	return l
}

// Sink is one place to send to.
type Sink interface {
	Grade() Grade
	Limits() Limits
	// Send hands over the items of one batch, ascending by Seq, and returns when the receiver has acknowledged as strongly as
	// it can. It is called by up to Limits.InFlight goroutines at once, and again with the same items, or those of them that
	// are left, after an error. Outcomes are one an item in order; nil says that all were accepted. An error is about the
	// whole batch: *RetryAfter, ErrTooLarge and *AuthError are understood, any other says that nothing is known, and the same
	// items are sent again. Errors and reasons name no secrets and quote no bodies.
	Send(ctx context.Context, items []Item) ([]Outcome, error)
	Close() error
}

// Prober is a Sink whose receiver can be asked for what it holds.
type Prober interface {
	// Find tells whether the receiver has an item of this id. It may not have it yet: the caller asks again.
	Find(ctx context.Context, id string) (bool, error)
}

// Code is what became of one item.
type Code uint8

// The codes.
const (
	Accepted  Code = iota // acknowledged
	Duplicate             // already there
	Again                 // refused for now: send this one again
	Dead                  // refused for good: keep it as a dead letter
)

// Outcome is what became of one item, and why, for people.
type Outcome struct {
	Code   Code
	Reason string
}

// RetryAfter says that the receiver wants to be left alone for a while. Err, which may be nil, says why.
type RetryAfter struct {
	After time.Duration // 0: as long as the sender thinks
	Err   error
}

// Error is one line.
func (e *RetryAfter) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("asked to wait %v", e.After)
	}
	return fmt.Sprintf("asked to wait %v: %v", e.After, e.Err)
}

// Unwrap is Err.
func (e *RetryAfter) Unwrap() error { return e.Err }

// AuthError says that the receiver does not take the credential: sending stops until it may be another one.
type AuthError struct{ Err error }

// Error is one line.
func (e *AuthError) Error() string { return "credential refused: " + e.Err.Error() }

// Unwrap is Err.
func (e *AuthError) Unwrap() error { return e.Err }

// ErrTooLarge says that the receiver takes no request so large: the batch is halved, and one item alone is a dead letter.
var ErrTooLarge = errors.New("too large for the receiver")
