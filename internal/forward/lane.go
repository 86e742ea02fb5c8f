package forward

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// lane makes batches of a stretch of the journal, in order. It belongs to one goroutine, its tracker to all.
type lane struct {
	feed  *feed
	name  string
	until uint64 // last position; 0: without end
	track tracker
	saved uint64 // position the state file has; of the feed's mutex

	plans []span // boundaries that are durable, still ahead
	batch batch
	bytes int
	next  uint64 // first position of the batch being made
}

// page is what a follower brought.
type page struct {
	stored []journal.Stored
	err    error
}

// run makes batches until the context ends or the lane is through.
func (l *lane) run(ctx context.Context) error {
	var err error
	if l.feed.limits.Exact {
		if l.plans, err = l.feed.state.plans(ctx, l.feed.cfg.Name, l.name); err != nil {
			return err
		}
	}
	l.next = l.track.position() + 1
	ctx, cancel := context.WithCancel(ctx)
	pages, ended := make(chan page), make(chan struct{})
	go func() {
		defer close(ended)
		l.read(ctx, l.feed.journal.Follow(l.next), pages)
	}()
	defer func() { cancel(); <-ended }()

	linger := time.NewTimer(0)
	defer linger.Stop()
	armed := true
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-linger.C:
			armed = false
			if len(l.batch.items) > 0 && len(l.plans) == 0 {
				if err := l.flush(ctx); err != nil {
					return err
				}
			}
		case p := <-pages:
			through, err := l.take(ctx, p)
			if err != nil || through {
				return err
			}
			if !armed && len(l.batch.items) > 0 {
				linger.Reset(l.feed.limits.Linger)
				armed = true
			}
		}
	}
}

// read hands over what the follower brings until the context ends.
func (l *lane) read(ctx context.Context, from *journal.Follower, pages chan<- page) {
	for {
		var p page
		p.stored, p.err = from.Next(ctx)
		select {
		case pages <- p:
		case <-ctx.Done():
			return
		}
		var corrupt *journal.CorruptError
		if p.err != nil && !errors.As(p.err, &corrupt) {
			return
		}
	}
}

// take puts a page into batches; through where the lane's end was reached.
func (l *lane) take(ctx context.Context, p page) (through bool, err error) {
	var corrupt *journal.CorruptError
	if errors.As(p.err, &corrupt) {
		l.feed.health.Raise(l.feed.condition("unreadable"), health.Critical, fmt.Sprintf("sink %s: positions %d to %d of the journal cannot be read and were not sent", l.feed.cfg.Name, corrupt.First, corrupt.First+corrupt.Count-1))
		return l.pass(ctx, corrupt.First+max(corrupt.Count, 1)-1)
	}
	if p.err != nil {
		return false, p.err
	}
	for i := range p.stored {
		s := &p.stored[i]
		if l.until > 0 && s.Seq > l.until {
			return true, l.flush(ctx)
		}
		item, err := l.feed.item(ctx, s)
		if err == nil && item == nil {
			through, err = l.pass(ctx, s.Seq)
		} else if err == nil {
			through, err = l.add(ctx, *item)
		}
		if err != nil || through {
			return through, err
		}
	}
	return false, nil
}

// pass says that a position is not sent.
func (l *lane) pass(ctx context.Context, seq uint64) (through bool, err error) {
	l.batch.last = seq
	if len(l.batch.items) == 0 && len(l.plans) == 0 {
		l.track.begin(seq, true)
		l.next = seq + 1
	}
	return l.ends(ctx, seq)
}

func (l *lane) add(ctx context.Context, item Item) (through bool, err error) {
	limits := l.feed.limits
	if len(l.plans) == 0 && len(l.batch.items) > 0 && l.bytes+len(item.Body) > limits.Bytes {
		if err := l.flush(ctx); err != nil {
			return false, err
		}
	}
	l.batch.items = append(l.batch.items, item)
	l.batch.last = item.Seq
	l.bytes += len(item.Body)
	if len(l.plans) == 0 && (len(l.batch.items) >= limits.Items || l.bytes >= limits.Bytes) {
		if err := l.flush(ctx); err != nil {
			return false, err
		}
	}
	return l.ends(ctx, item.Seq)
}

// ends sends what a plan or the lane's end closes.
func (l *lane) ends(ctx context.Context, seq uint64) (through bool, err error) {
	if len(l.plans) > 0 && seq >= l.plans[0].last {
		l.plans = l.plans[1:]
		if err := l.hand(ctx); err != nil {
			return false, err
		}
	}
	if l.until > 0 && seq >= l.until {
		return true, l.flush(ctx)
	}
	return false, nil
}

// flush closes the batch being made.
func (l *lane) flush(ctx context.Context) error {
	if len(l.batch.items) > 0 && l.feed.limits.Exact {
		if err := l.feed.state.plan(ctx, l.feed.cfg.Name, l.name, span{l.next, l.batch.last}); err != nil {
			return err
		}
	}
	return l.hand(ctx)
}

// hand gives the batch to whoever sends.
func (l *lane) hand(ctx context.Context) error {
	b := l.batch
	if b.last == 0 {
		return nil
	}
	l.batch, l.bytes, l.next = batch{}, 0, b.last+1
	if len(b.items) == 0 {
		l.track.begin(b.last, true)
		return nil
	}
	b.track = &l.track
	l.track.begin(b.last, false)
	select {
	case l.feed.batches <- b:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// item makes the item of what stands at a position; nil where nothing is to be sent: a tombstone, or what the filter refuses. What
// cannot be put into the sink's form, or is too large for it, is a dead letter.
func (f *feed) item(ctx context.Context, s *journal.Stored) (*Item, error) {
	r, err := s.Record()
	if errors.Is(err, journal.ErrNoRecord) {
		return nil, nil
	}
	if err != nil {
		i := Item{ID: RecordID(s.Seq, s.Commitment), Kind: KindRecord, Seq: s.Seq}
		return nil, f.bury(ctx, []refused{{i, "is no record that can be read: " + err.Error()}})
	}
	if f.filter != nil && !f.filter(r) {
		return nil, nil
	}
	i := recordItem(s, r)
	if i.Body, err = f.body(s.Seq, r); err != nil {
		return nil, f.bury(ctx, []refused{{i, "cannot be formatted: " + err.Error()}})
	}
	if len(i.Body) > f.limits.ItemBytes {
		return nil, f.bury(ctx, []refused{{i, fmt.Sprintf("has %d bytes, the receiver takes at most %d", len(i.Body), f.limits.ItemBytes)}})
	}
	return &i, nil
}

// bodyRoom is what a body is given to begin with, in bytes.
const bodyRoom = 2 << 10

func (f *feed) body(seq uint64, r *audit.Record) ([]byte, error) {
	return f.format.Record(make([]byte, 0, bodyRoom), seq, r)
}
