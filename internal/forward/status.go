package forward

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/tripod-audit/tripod/internal/journal"
)

// Status is how a sink stands, as DIR/forward.db has it.
type Status struct {
	Sink         string    `json:"sink"`
	LastSeq      uint64    `json:"last_seq"` // everything up to here is acknowledged, a dead letter, or not to be sent
	LagRecords   uint64    `json:"lag_records"`
	LagSeconds   float64   `json:"lag_seconds"` // since the oldest record that waits was recorded
	Sent         uint64    `json:"sent"`        // items acknowledged since the sink is known here
	Duplicates   uint64    `json:"duplicates"`  // items the receiver had already
	Dead         int64     `json:"dead_letters"`
	DeadBytes    int64     `json:"dead_bytes"`
	Acknowledged time.Time `json:"acknowledged"` // the last time; zero: never
	Checkpoint   uint64    `json:"checkpoint"`   // size of the last checkpoint acknowledged
	// Backfill is the position a back-fill came to, and BackfillTo where it ends; 0 where there is none.
	Backfill   uint64    `json:"backfill,omitempty"`
	BackfillTo uint64    `json:"backfill_to,omitempty"`
	Error      string    `json:"error,omitempty"` // what went wrong last, if nothing was acknowledged since
	ErrorAt    time.Time `json:"error_at,omitzero"`
	Known      bool      `json:"known"` // something was forwarded to it from here
}

func (s *Status) why() string {
	if s.Error == "" {
		return "the receiver is slower than what comes in"
	}
	return "the last error was: " + s.Error
}

// Statuses tell how sinks stand, in the order asked, from any process. A sink that is not known yet has nothing but its name.
func Statuses(ctx context.Context, dir string, r *journal.Reader, sinks []string) (list []Status, err error) {
	st, err := readState(ctx, dir)
	if errors.Is(err, ErrNone) {
		for _, name := range sinks {
			list = append(list, Status{Sink: name})
		}
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	for _, name := range sinks {
		s, err := statusOf(ctx, st, r, name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// Status tells how each sink stands.
func (f *Forwarder) Status(ctx context.Context) (list []Status, err error) {
	for _, fd := range f.feeds {
		s, err := statusOf(ctx, f.state, f.deps.Journal.Reader(), fd.cfg.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func statusOf(ctx context.Context, st *state, r *journal.Reader, sink string) (Status, error) {
	s := Status{Sink: sink}
	t, err := st.totals(ctx, sink)
	if err != nil {
		return s, err
	}
	s.Sent, s.Duplicates, s.Acknowledged, s.Checkpoint, s.Error = t.sent, t.duplicates, t.acknowledged, t.checkpoint, t.err
	if s.Error != "" {
		s.ErrorAt = t.errAt
	}
	if s.Dead, s.DeadBytes, err = st.deadCount(ctx, sink); err != nil {
		return s, err
	}
	rows, err := st.lanes(ctx, sink)
	if err != nil {
		return s, err
	}
	for _, l := range rows {
		if l.lane == laneBackfill {
			s.Backfill, s.BackfillTo = l.cursor, l.until
			continue
		}
		s.Known, s.LastSeq = true, l.cursor
		last, err := r.Last(ctx)
		if err != nil {
			return s, err
		}
		if last > l.cursor {
			s.LagRecords = last - l.cursor
			s.LagSeconds = waiting(ctx, r, l.cursor+1)
		}
	}
	return s, nil
}

// waiting is for how long a record waits, in seconds; 0 where it cannot be told.
func waiting(ctx context.Context, r *journal.Reader, seq uint64) float64 {
	at, err := recordedAt(ctx, r, seq)
	if err != nil || at.IsZero() {
		return 0
	}
	return max(0, time.Since(at).Round(time.Millisecond).Seconds())
}

// recordedAt is when a position was recorded; zero for a tombstone.
func recordedAt(ctx context.Context, r *journal.Reader, seq uint64) (time.Time, error) {
	stored, err := r.Get(ctx, seq)
	if err != nil {
		return time.Time{}, err
	}
	record, err := stored[0].Record()
	if errors.Is(err, journal.ErrNoRecord) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return record.Recorded, nil
}

// behind is the position behind which a start begins.
func behind(ctx context.Context, r *journal.Reader, from start, last uint64) (uint64, error) {
	switch {
	case from.now:
		return last, nil
	case from.seq > 0:
		return min(from.seq-1, last), nil
	}
	var failed error
	n := sort.Search(int(last), func(i int) bool { // times of recording ascend, but for a clock that was set
		at, err := recordedAt(ctx, r, uint64(i)+1)
		for s := uint64(i) + 2; err == nil && at.IsZero() && s <= last; s++ { // a tombstone says nothing: ask who follows
			at, err = recordedAt(ctx, r, s)
		}
		if err != nil {
			failed = err
		}
		return at.IsZero() || !at.Before(from.time)
	})
	if failed != nil {
		return 0, fmt.Errorf("find the first record from %v on: %w", from.time, failed)
	}
	return uint64(n), nil
}

// AppendCursor is the value of a sink's cursor in the journal.
func AppendCursor(b []byte, seq uint64) []byte { return binary.BigEndian.AppendUint64(b, seq) }

func parseCursor(b []byte) (uint64, bool) {
	if len(b) != 8 {
		return 0, false
	}
	return binary.BigEndian.Uint64(b), true
}

// ErrBusy says that a back-fill of the sink is under way.
var ErrBusy = errors.New("a back-fill is under way: it is one at a time")

func backfill(ctx context.Context, st *state, r *journal.Reader, sink, from string) (first, last uint64, err error) {
	at, err := parseFrom(from)
	if err != nil {
		return 0, 0, err
	}
	if last, err = r.Last(ctx); err != nil {
		return 0, 0, err
	}
	before, err := behind(ctx, r, at, last)
	if err != nil {
		return 0, 0, err
	}
	if before >= last {
		return 0, 0, fmt.Errorf("nothing stands from %s on", from)
	}
	added, err := st.addLane(ctx, sink, laneRow{lane: laneBackfill, cursor: before, until: last})
	if err == nil && !added {
		err = ErrBusy
	}
	return before + 1, last, err
}
