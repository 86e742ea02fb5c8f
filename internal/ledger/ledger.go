// Package ledger keeps the Merkle log that commits to the journal, proves what it holds, verifies journal and log
// against each other, and mends the log from the journal and the journal's length from the log.
//
// The log is a C2SP tiled log (https://c2sp.org/tlog-tiles) under DIR/ledger; a leaf is a record's commitment, its index
// is seq minus one, always. It promises:
//
// Durability: everything a checkpoint speaks of is synced, names included, before the checkpoint is renamed into place
// and synced itself. A crash or a power loss at any moment leaves the last checkpoint whole; what lies beyond it is
// written again, with the same bytes. The log lags behind the journal by at most Options.Interval and what is on its way; its
// own size is its cursor, so nothing is left out and nothing comes twice.
//
// Order: leaves are in the order of the journal. Checkpoints only grow; one that contradicts an earlier one is never signed.
//
// Concurrency: one Ledger writes a data directory at a time; the journal's lock, which the caller holds, sees to that.
// Its methods are safe for concurrent use, and Prove, Verify and every other reader work from other processes meanwhile.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"path"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// Reader reads the journal. Scan yields the records of the seqs from and to, both included, in order; what it cannot
// read it yields as a *journal.CorruptError and goes on behind it.
type Reader interface {
	Last(ctx context.Context) (uint64, error)
	Scan(ctx context.Context, from, to uint64) iter.Seq2[journal.Stored, error]
}

// Follower waits for the journal's next records.
type Follower interface {
	Next(ctx context.Context) ([]journal.Stored, error)
}

// Checkpoint is the signed head of the ledger.
type Checkpoint = tiles.Checkpoint

// Options are what a Ledger is opened with.
type Options struct {
	Journal  Reader           // required: what the ledger commits to
	Interval time.Duration    // least time between checkpoints; a second where 0
	Origin   string           // name of a log made now; tripod.local/ and eight random hex digits where empty
	Health   *health.Registry // hears of "ledger.write" and "ledger.read"; may be nil
	Log      *slog.Logger     // may be nil

	parallel int // files written at once, where a test wants one after the other
}

// Ledger writes the log. Open makes one, Run drives it.
type Ledger struct {
	interval time.Duration
	health   *health.Registry
	log      *slog.Logger
	key      key

	// Owned by Open, then by Run.
	folder  *folder
	edge    *edge
	pending []file // full tiles not yet written

	mu   sync.Mutex
	size uint64        // guarded by mu: leaves appended
	head Checkpoint    // guarded by mu: the last durable checkpoint
	more chan struct{} // guarded by mu: closed when head changes or Run ends, and replaced
	over bool          // guarded by mu: Run has ended
}

// ErrStopped says that Run has ended and signs no more checkpoints.
var ErrStopped = errors.New("the ledger has stopped")

// Open opens the ledger of a data directory, making key and folder where there are none, and holds it against the
// journal: that its files fit the last checkpoint, that the journal is as long, and that the journal's record at the
// ledger's end is the one committed to. The errors that say otherwise are *AheadError, *DivergedError, *DamagedError and
// ErrKeyMissing; each says what to do, and nothing was written.
func Open(ctx context.Context, dir string, opts Options) (*Ledger, error) {
	return openOn(ctx, dir, osDisk(dir), opts)
}

func openOn(ctx context.Context, dir string, d disk, opts Options) (*Ledger, error) {
	l := &Ledger{
		interval: opts.Interval, health: opts.Health, log: opts.Log,
		folder: newFolder(d, ledgerDir), more: make(chan struct{}),
	}
	if opts.parallel > 0 {
		l.folder.parallel = opts.parallel
	}
	if l.interval <= 0 {
		l.interval = time.Second
	}
	if l.log == nil {
		l.log = slog.New(slog.DiscardHandler)
	}
	if err := l.open(ctx, dir, opts); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.size = l.head.Size
	return l, nil
}

// Key is the verifier key of the checkpoints, to be kept where nobody who can write the data directory can change it.
func (l *Ledger) Key() string { return l.key.vkey }

// Size is how many leaves were appended; the journal is to be followed from the seq behind it. The last checkpoint
// covers as many or fewer.
func (l *Ledger) Size() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.size
}

// Checkpoint is the last durable checkpoint.
func (l *Ledger) Checkpoint() Checkpoint {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Wait returns a checkpoint that covers so many records, as soon as it is durable. It gives up when the context ends and,
// with ErrStopped, when Run has ended before.
func (l *Ledger) Wait(ctx context.Context, size uint64) (Checkpoint, error) {
	for {
		l.mu.Lock()
		head, more, over := l.head, l.more, l.over
		l.mu.Unlock()
		if head.Size >= size {
			return head, nil
		}
		if over {
			return head, fmt.Errorf("wait for a checkpoint of size %d, the last one has %d: %w", size, head.Size, ErrStopped)
		}
		select {
		case <-ctx.Done():
			return head, fmt.Errorf("wait for a checkpoint of size %d, the last one has %d: %w", size, head.Size, ctx.Err())
		case <-more:
		}
	}
}

// append takes records into the tree, in memory.
func (l *Ledger) append(batch []journal.Stored) error {
	for i := range batch {
		switch next := l.edge.size + 1; {
		case batch[i].Seq < next:
			continue // the ledger's own size is its cursor
		case batch[i].Seq > next:
			return fmt.Errorf("append to ledger: record %d follows record %d: the journal skipped", batch[i].Seq, next-1)
		}
		l.edge.append(batch[i].Commitment, func(f file) { l.pending = append(l.pending, f) })
	}
	l.mu.Lock()
	l.size = l.edge.size
	l.mu.Unlock()
	return nil
}

// flush writes the tiles that are full.
func (l *Ledger) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	if err := l.folder.put(l.pending); err != nil {
		return err
	}
	clear(l.pending)
	l.pending = l.pending[:0]
	return nil
}

// checkpoint makes everything appended durable and then signs it.
func (l *Ledger) checkpoint() error {
	old := l.Checkpoint()
	if l.edge.size == old.Size {
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.folder.put(l.edge.partials(old.Size)); err != nil {
		return err
	}
	if err := l.folder.settle(); err != nil {
		return err
	}
	root, err := l.edge.root()
	if err != nil {
		return fmt.Errorf("write ledger: %w", err)
	}
	head, err := tiles.Sign(l.key.signer, tlog.Tree{N: int64(l.edge.size), Hash: root})
	if err != nil {
		return err
	}
	if err := l.folder.replace(checkpointFile, head.Note, 0o600); err != nil {
		return err
	}
	l.announce(func() { l.head = head })
	for _, dir := range outgrown(old.Size, head.Size) {
		l.discard(dir)
	}
	return nil
}

// announce changes what Wait looks at.
func (l *Ledger) announce(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.more)
	l.more = make(chan struct{})
}

// outgrown lists the directories of partial tiles that a tree of the old size needed and that are full in the new one.
func outgrown(old, size uint64) []string {
	var dirs []string
	for level := 0; old>>(tiles.Height*level) > 0; level++ {
		count, n := old>>(tiles.Height*level), old>>(tiles.Height*(level+1))
		if count%tiles.Width == 0 || n == size>>(tiles.Height*(level+1)) {
			continue
		}
		dirs = append(dirs, tiles.Path(level, int64(n), tiles.Width)+".p")
		if level == 0 {
			dirs = append(dirs, tiles.Path(tiles.Entries, int64(n), tiles.Width)+".p")
		}
	}
	return dirs
}

// discard removes a directory of partial tiles. One that stays is in nobody's way.
func (l *Ledger) discard(dir string) {
	if err := l.folder.removeAll(path.Join(ledgerDir, dir)); err != nil {
		l.log.Debug("partial tiles left behind", "dir", dir, "error", err)
	}
}
