package alert

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Event is what a message tells of an alert.
type Event string

// The events.
const (
	Opened      Event = "opened"       // it fired, or fired again after it was resolved
	Escalated   Event = "escalated"    // its severity rose
	Taken       Event = "acknowledged" // somebody looks into it
	Closed      Event = "resolved"     // resolved, excepted or quiet
	StillActive Event = "active"       // nothing new: for receivers that forget what is not told again
)

// Message is what a channel tells about an alert. It carries no content, and no more than the channel may hold.
type Message struct {
	ID    string // 32 hex digits: the same whenever it is sent
	Event Event
	Alert Alert // with its firing, cut to what the channel holds
	Rule  Rule
	URL   string // of the alert's page; "" where there is no console
	By    string // who acknowledged or resolved it; "" where the channel may hold nobody's name
}

// Channel tells people of alerts.
type Channel interface {
	// Send hands a message over and returns once the receiver has acknowledged it. It is called by one goroutine at a time, and
	// again with the same message after an error. *forward.RetryAfter and *forward.AuthError are understood; *RefusedError says that sending
	// it again cannot help. Errors name no secrets.
	Send(ctx context.Context, m Message) error
	// Traits say what the receiver is like.
	Traits() Traits
	Close() error
}

// Traits are what the receiver of a channel is like.
type Traits struct {
	// Every is the least time between two messages.
	Every time.Duration
	// Resend is how often an alert that is not over is told again, for a receiver that takes silence for its end; 0: never.
	Resend time.Duration
	// States: the receiver keeps a state of its own, so it is told when an alert is acknowledged or over. Others are told of what opens
	// and escalates alone, and of what is over.
	States bool
}

// RefusedError says that a receiver refuses a message for good.
type RefusedError struct{ Err error }

// Error is one line.
func (e *RefusedError) Error() string { return "refused for good: " + e.Err.Error() }

// Unwrap is Err.
func (e *RefusedError) Unwrap() error { return e.Err }

// Subject is one line that names nobody: rule, severity and how often it fired.
func (m *Message) Subject() string {
	title := m.Rule.Title
	if title == "" {
		title = m.Alert.Rule
	}
	s := fmt.Sprintf("[%s] %s", m.Alert.Severity, oneLine(title))
	if m.Alert.Count > 1 {
		s += fmt.Sprintf(" (%d times)", m.Alert.Count)
	}
	switch m.Event {
	case Taken, Closed:
		s += ": " + string(m.Event)
		if m.Event == Closed && m.Alert.State != Resolved {
			s = strings.TrimSuffix(s, string(m.Event)) + string(m.Alert.State)
		}
	case Escalated:
		s += ": escalated"
	}
	return s
}

// Sentence is what happened, or, where the channel may not hold it, the subject.
func (m *Message) Sentence() string {
	if m.Alert.Firing != nil && m.Alert.Firing.Sentence != "" {
		return oneLine(m.Alert.Firing.Sentence)
	}
	return m.Subject()
}

// oneLine keeps what a record says from adding lines of its own: to a header, above all.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }), " ")
}

// cut leaves of a message what a channel may hold.
func (m *Message) cut(holds string) {
	if holds != HoldsRule {
		return
	}
	m.By, m.Alert.By, m.Alert.Exception = "", nil, nil
	if f := m.Alert.Firing; f != nil {
		bare := *f
		bare.Group, bare.Fields, bare.Sentence = nil, nil, ""
		m.Alert.Firing = &bare
	}
}
