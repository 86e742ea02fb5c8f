package alert

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/health"
)

// How long a message is tried, and from which attempt on others are told in its place.
const (
	giveUp       = 24 * time.Hour
	leastBackoff = time.Second
	mostBackoff  = 5 * time.Minute
	sendTimeout  = 30 * time.Second
	failingFrom  = 3 // attempts after which it is a matter of health, and the others are told
)

// sender sends on one channel, one message at a time.
type sender struct {
	outbox  *Outbox
	name    string
	holds   string
	channel Channel
	traits  Traits
	woken   chan struct{}
	resent  time.Time // when what is active was last told again
}

func newSender(o *Outbox, name, holds string, c Channel) *sender {
	return &sender{outbox: o, name: name, holds: holds, channel: c, traits: c.Traits(), woken: make(chan struct{}, 1)}
}

// Condition is the code of the condition that is raised while a channel fails.
func Condition(channel string) string { return "alerts." + channel + ".failing" }

func (s *sender) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// waiting is a message that waits to be sent.
type waiting struct {
	n        int64
	id       string
	alert    string
	event    Event
	made     time.Time
	due      time.Time
	bare     bool
	attempts int
}

func (s *sender) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait, err := s.step(ctx)
		if err != nil && ctx.Err() == nil {
			s.outbox.deps.Logger.WarnContext(ctx, "send alerts", "channel", s.name, "error", err)
			wait = time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-s.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// step sends the next message that is due, and tells how long to wait then.
func (s *sender) step(ctx context.Context) (time.Duration, error) {
	m, ok, err := s.next(ctx)
	if err != nil {
		return 0, err
	}
	if !ok {
		return s.resend(ctx)
	}
	if wait := time.Until(m.due); wait > 0 {
		return min(wait, mostBackoff), nil
	}
	message, err := s.outbox.message(ctx, m, s.holds)
	if err != nil {
		return 0, err
	}
	return s.after(ctx, m, s.send(ctx, message))
}

func (s *sender) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	return s.channel.Send(ctx, m)
}

// next is the message that waits longest.
func (s *sender) next(ctx context.Context) (m waiting, ok bool, err error) {
	var made, due int64
	err = s.outbox.store.db.QueryRowContext(ctx, `SELECT n, id, alert, event, made, due, bare, attempts FROM messages WHERE channel = ? AND sent = 0 AND dead = 0 ORDER BY n LIMIT 1`, s.name).
		Scan(&m.n, &m.id, &m.alert, &m.event, &made, &due, &m.bare, &m.attempts)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	m.made, m.due = moment(made), moment(due)
	return m, err == nil, err
}

// after makes durable what became of a message.
func (s *sender) after(ctx context.Context, m waiting, failed error) (time.Duration, error) {
	db, now := s.outbox.store.db, time.Now()
	if failed == nil {
		_, err := db.ExecContext(context.WithoutCancel(ctx), `UPDATE messages SET sent = ?, attempts = attempts + 1, error = '' WHERE n = ?`, now.UnixMilli(), m.n)
		s.outbox.deps.Health.Clear(Condition(s.name))
		return s.traits.Every, err
	}
	if ctx.Err() != nil {
		return 0, nil // the end of this process says nothing of the receiver
	}
	var refused *RefusedError
	var auth *forward.AuthError
	dead := errors.As(failed, &refused) || now.Sub(m.made) > giveUp
	wait := backoff(m.attempts)
	var later *forward.RetryAfter
	if errors.As(failed, &later) && later.After > 0 {
		wait = max(later.After, leastBackoff)
	}
	if errors.As(failed, &auth) {
		wait = mostBackoff
	}
	m.attempts++
	failing := dead || auth != nil || m.attempts >= failingFrom
	err := s.outbox.store.within(ctx, func(tx *sql.Tx) error {
		deadAt := int64(0)
		if dead {
			deadAt = now.UnixMilli()
		}
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET attempts = ?, due = ?, dead = ?, error = ? WHERE n = ?`, m.attempts, now.Add(wait).UnixMilli(), deadAt, failed.Error(), m.n); err != nil {
			return err
		}
		if failing && !m.bare && (m.event == Opened || m.event == Escalated) {
			return s.outbox.instead(ctx, tx, s.name, m, now)
		}
		return nil
	})
	if failing {
		s.outbox.deps.Health.Raise(Condition(s.name), health.Warning, fmt.Sprintf("alerts do not reach channel %s: %v: the other channels are told instead, without names; see docs/alerts.md", s.name, failed))
		s.outbox.deps.Logger.WarnContext(ctx, "an alert does not reach its channel", "channel", s.name, "alert", m.alert, "attempts", m.attempts, "given_up", dead, "error", failed)
		for _, other := range s.outbox.senders {
			if other != s {
				other.wake()
			}
		}
	}
	if dead {
		wait = 0
	}
	return wait, err
}

// instead tells the other channels of an alert that one does not take. Nobody chose them for it, so they hear nobody's name.
func (o *Outbox) instead(ctx context.Context, tx *sql.Tx, failing string, m waiting, now time.Time) error {
	for _, s := range o.senders {
		if s.name == failing {
			continue
		}
		var told int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM messages WHERE alert = ? AND channel = ? AND event = ? AND made >= ?`, m.alert, s.name, string(m.event), m.made.UnixMilli()).Scan(&told); err != nil {
			return err
		}
		if told > 0 {
			continue
		}
		if err := queue(ctx, tx, s.name, m.alert, m.event, uint64(m.n), true, now); err != nil {
			return err
		}
	}
	return nil
}

func backoff(attempts int) time.Duration {
	d := min(leastBackoff<<min(attempts, 16), mostBackoff)
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}

// resend tells receivers that forget again of what is not over.
func (s *sender) resend(ctx context.Context) (time.Duration, error) {
	const idle = time.Minute
	if s.traits.Resend == 0 {
		return idle, nil
	}
	if wait := s.traits.Resend - time.Since(s.resent); wait > 0 {
		return min(wait, idle), nil
	}
	active, err := alerts(ctx, s.outbox.store.db, `WHERE over = 0 AND told <> '' AND id IN (SELECT alert FROM messages WHERE channel = ? AND sent > 0)`, s.name)
	if err != nil {
		return 0, err
	}
	for _, a := range active {
		m, err := s.outbox.message(ctx, waiting{id: messageID(s.name, a.ID, StillActive, a.LastSeq), alert: a.ID, event: StillActive}, s.holds)
		if err == nil {
			err = s.send(ctx, m)
		}
		if err != nil {
			s.outbox.deps.Health.Raise(Condition(s.name), health.Warning, fmt.Sprintf("channel %s cannot be told that alerts are still open, and will take them for over: %v", s.name, err))
			return leastBackoff, nil
		}
	}
	s.resent = time.Now()
	return min(s.traits.Resend, idle), nil
}

// message makes what is sent of what waits, as the alert stands now.
func (o *Outbox) message(ctx context.Context, w waiting, holds string) (Message, error) {
	a, err := o.get(ctx, w.alert)
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: w.id, Event: w.event, Alert: a}
	m.Rule, _ = o.deps.Rule(a.Rule)
	if m.Rule.Title == "" {
		m.Rule.ID, m.Rule.Title = a.Rule, a.Title
	}
	if a.By != nil {
		m.By = a.By.Telling()
	}
	if o.deps.URL != nil {
		m.URL = o.deps.URL(a.ID)
	}
	if w.bare {
		holds = HoldsRule
	}
	m.cut(holds)
	return m, nil
}
