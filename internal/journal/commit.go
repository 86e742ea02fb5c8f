package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
)

// What one transaction takes, unless a single batch is larger: few enough records that followers find them still in memory.
const (
	maxGroupRecords = 2000
	maxGroupRaw     = 4 << 20
)

// Conditions the journal raises.
const (
	ConditionFull  = "journal.full"
	ConditionWrite = "journal.write"
)

// Run is the committer: it gathers the batches that wait, commits them with one sync, and answers them. When ctx ends it
// takes no more, commits what it has accepted, and returns nil. It runs once.
func (j *Journal) Run(ctx context.Context) error {
	if err := j.queue.start(); err != nil {
		return err
	}
	defer j.queue.stopped()
	var requests []*request
	for {
		select {
		case <-j.queue.kick:
		case <-ctx.Done():
			j.queue.refuse()
			for requests = j.queue.take(requests[:0]); len(requests) > 0; requests = j.queue.take(requests[:0]) {
				j.commit(ctx, requests)
			}
			return nil
		}
		runtime.Gosched() // who is about to append gets to: fewer, larger commits on a busy machine
		if requests = j.queue.take(requests[:0]); len(requests) > 0 {
			j.commit(ctx, requests)
		}
		clear(requests)
	}
}

// group is what one transaction stores.
type group struct {
	stored  []Stored
	ids     []Digest // beside stored; zero where the window is not to keep one
	frames  []frameSpan
	seen    map[Digest]uint64 // ids of this group for the window
	lasting map[Digest][]lasting
	forever []foreverRow
	cursors map[string][]byte
}

// frameSpan is one row of frames: how many records it took, and the newest time of recording among them.
type frameSpan struct {
	count    int
	recorded int64
}

// lasting is one version of what a Forever id stands for.
type lasting struct {
	body Digest
	seq  uint64
}

type foreverRow struct {
	id Digest
	lasting
}

// commit stores the requests and answers them, all with the same error if it fails.
func (j *Journal) commit(ctx context.Context, requests []*request) {
	err := j.store(ctx, requests)
	for _, r := range requests {
		if err != nil {
			r.receipt, r.err = Receipt{}, err
		}
		close(r.done)
	}
}

func (j *Journal) store(ctx context.Context, requests []*request) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refusal != nil {
		return fmt.Errorf("append to journal: %w", j.refusal)
	}
	g := &group{seen: make(map[Digest]uint64), lasting: make(map[Digest][]lasting)}
	if err := j.recall(ctx, g, requests); err != nil {
		return j.failed(ctx, fmt.Errorf("look up ids: %w", err))
	}
	for _, r := range requests {
		j.resolve(g, r)
	}
	if len(g.stored) == 0 && len(g.cursors) == 0 {
		return nil
	}
	if err := j.writer.transact(func(ctx context.Context) error { return j.write(ctx, g) }); err != nil {
		return j.failed(ctx, err)
	}
	j.committed(ctx, g)
	return nil
}

// committed makes what is now durable known within the process.
func (j *Journal) committed(ctx context.Context, g *group) {
	j.remember(g)
	j.last += uint64(len(g.stored))
	j.recent.publish(g.stored)
	j.recovered(ctx)
}

// remember puts the ids of a stored group into the window.
func (j *Journal) remember(g *group) {
	j.windowMu.Lock()
	defer j.windowMu.Unlock()
	at := 0
	for _, f := range g.frames {
		for i := at; i < at+f.count; i++ {
			if g.ids[i] != (Digest{}) {
				j.window.add(g.ids[i], g.stored[i].Seq, f.recorded/1000)
			}
		}
		at += f.count
		j.newest = f.recorded
	}
}

// Known tells for each id whether the journal remembers it at this moment, of those that are not Forever. It spares the
// caller work; Append decides.
func (j *Journal) Known(ids []Digest) []bool {
	known := make([]bool, len(ids))
	j.windowMu.Lock()
	defer j.windowMu.Unlock()
	for i, id := range ids {
		_, known[i] = j.window.find(id)
	}
	return known
}

// KnownForever tells whether a Forever id was stored with this very body, be its record erased since. It spares the
// caller work; Append decides.
func (j *Journal) KnownForever(ctx context.Context, id, body Digest) (bool, error) {
	var known bool
	err := j.reader.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM forever WHERE id = ? AND body = ?)", id[:], body[:]).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("look up id: %w", err)
	}
	return known, nil
}

// recall looks up what is known of the Forever ids in the requests.
func (j *Journal) recall(ctx context.Context, g *group, requests []*request) error {
	var ids []Digest
	for _, r := range requests {
		for i := range r.batch.Entries {
			if e := &r.batch.Entries[i]; e.Forever {
				ids = append(ids, e.ID)
			}
		}
	}
	slices.SortFunc(ids, func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	return j.writer.versions(ctx, slices.Compact(ids), g.lasting)
}

// resolve gives each entry of a request its position, or finds that it was delivered before.
func (j *Journal) resolve(g *group, r *request) {
	for i := range r.batch.Entries {
		e := &r.batch.Entries[i]
		seq, supersedes := j.delivered(g, e)
		if seq != 0 {
			r.receipt.Seqs[i] = seq
			r.receipt.Duplicates++
			continue
		}
		s := Stored{
			Seq: j.last + 1 + uint64(len(g.stored)), Bytes: e.Bytes, Salt: r.salts[i], Commitment: r.commitments[i], record: e.Record,
		}
		if supersedes != 0 {
			changed := *e.Record
			changed.Supersedes = "seq:" + strconv.FormatUint(supersedes, 10)
			s.record, s.Bytes = &changed, changed.AppendCanonical(nil)
			s.Commitment = audit.Commit(s.Salt, s.Bytes)
		}
		g.add(e, s)
		r.receipt.Seqs[i] = s.Seq
	}
	for name, value := range r.batch.Cursors {
		if g.cursors == nil {
			g.cursors = make(map[string][]byte)
		}
		g.cursors[name] = value
	}
}

// delivered tells where an entry was stored before (0: nowhere) and, if not, which record it supersedes (0: none).
func (j *Journal) delivered(g *group, e *Entry) (seq, supersedes uint64) {
	switch {
	case e.ID == (Digest{}):
		return 0, 0
	case e.Forever:
		for _, v := range g.lasting[e.ID] {
			if v.body == e.Body {
				return v.seq, 0
			}
			supersedes = v.seq // the last one is the newest
		}
		return 0, supersedes
	}
	if seq, ok := g.seen[e.ID]; ok {
		return seq, 0
	}
	j.windowMu.Lock()
	defer j.windowMu.Unlock()
	j.window.expire(e.Record.Recorded.Unix())
	seq, _ = j.window.find(e.ID)
	return seq, 0
}

func (g *group) add(e *Entry, s Stored) {
	id := Digest{}
	switch {
	case e.Forever:
		v := lasting{e.Body, s.Seq}
		g.lasting[e.ID] = append(g.lasting[e.ID], v)
		g.forever = append(g.forever, foreverRow{e.ID, v})
	case e.ID != (Digest{}):
		id = e.ID
		g.seen[id] = s.Seq
	}
	g.stored = append(g.stored, s)
	g.ids = append(g.ids, id)
}

// write is the transaction: frames, salts, lasting ids and cursors.
func (j *Journal) write(ctx context.Context, g *group) error {
	g.frames = g.frames[:0]
	for at := 0; at < len(g.stored); {
		f, encoded, err := j.cut(g.stored[at:])
		if err != nil {
			return err
		}
		part := g.stored[at : at+f.count]
		ids := idColumn(g.ids[at : at+f.count])
		if _, err := j.writer.insertFrame.ExecContext(ctx, int64(part[0].Seq), int64(f.count), f.recorded, ids, encoded); err != nil {
			return err
		}
		if err := j.writer.addSalts(ctx, part); err != nil {
			return err
		}
		g.frames = append(g.frames, f)
		at += f.count
	}
	if err := j.writer.addForevers(ctx, g.forever); err != nil {
		return err
	}
	return j.writer.setCursors(ctx, g.cursors)
}

// cut makes one frame of as many records as it may hold.
func (j *Journal) cut(stored []Stored) (frameSpan, []byte, error) {
	f := frameSpan{recorded: j.newest}
	for i := range stored {
		s := &stored[i]
		if !j.builder.Fits(len(s.Bytes)) {
			break
		}
		if s.Tombstone != nil {
			j.builder.AddTombstone(s.Tombstone)
		} else {
			j.builder.AddRecord(s.Bytes)
			at := s.record.Recorded.UnixMilli()
			if f.count == 0 || at > f.recorded {
				f.recorded = at
			}
		}
		f.count++
	}
	if f.count == 0 {
		j.builder.Reset()
		return f, nil, errors.New("cut a frame: nothing fits")
	}
	return f, j.builder.Finish(stored[0].Seq, 0), nil
}

// idColumn is what a restart reads instead of the frame.
func idColumn(ids []Digest) []byte {
	some := false
	column := make([]byte, 0, len(ids)*len(Digest{}))
	for i := range ids {
		some = some || ids[i] != (Digest{})
		column = append(column, ids[i][:]...)
	}
	if !some {
		return []byte{}
	}
	return column
}

// explain adds to what SQLite says of a full disk what to do about it.
func (j *Journal) explain(err error) error {
	if !isFull(err) {
		return err
	}
	return fmt.Errorf("%w: free space on the volume of %s, then try again (%w)", ErrFull, filepath.Dir(j.path), err)
}

// failed raises the condition for an append that could not be stored.
func (j *Journal) failed(ctx context.Context, err error) error {
	code, text := ConditionWrite, "the journal cannot be written; records are refused until it can: "+err.Error()
	if isFull(err) {
		code = ConditionFull
		text = "no room left for the journal: free space on the volume of " + filepath.Dir(j.path) +
			"; records are refused until there is room, reading goes on"
	}
	if !j.failing {
		j.opts.Logger.LogAttrs(ctx, slog.LevelError, "journal refuses records", slog.String("condition", code), slog.Any("error", err))
	}
	j.failing = true
	j.opts.Health.Raise(code, health.Critical, text)
	return fmt.Errorf("append to journal: nothing was stored: %w", j.explain(err))
}

func (j *Journal) recovered(ctx context.Context) {
	if !j.failing {
		return
	}
	j.failing = false
	j.opts.Health.Clear(ConditionFull)
	j.opts.Health.Clear(ConditionWrite)
	j.opts.Logger.LogAttrs(ctx, slog.LevelInfo, "journal takes records again")
}
