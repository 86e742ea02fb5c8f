package backup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Source is the data directory to back up, as whoever writes to it has it open.
type Source struct {
	Dir     string
	Journal *journal.Reader
	Content *content.Reader
	// Still runs a function while nothing is erased.
	Still func(ctx context.Context, do func() error) error
	// Signed waits until a checkpoint covers a position.
	Signed func(ctx context.Context, seq uint64) error
}

// Options say how a backup is made.
type Options struct {
	Recipients Recipients    // required: to whom everything is sealed
	KeysTo     Recipients    // to whom wrapped keys and the ledger's key are sealed; the same where empty
	Master     secret.String // the master key, if it is to go along; it is sealed to KeysTo alone, which must be given then
	Keep       time.Duration // backups older than this are removed; 0 keeps all. The newest stays
	KeepKeys   time.Duration // files of keys older than this are removed; 0 is DefaultKeepKeys. The newest stays
	Now        func() time.Time
}

// DefaultKeepKeys is how long a file of wrapped keys stays in a repository. As long can what was erased be read again by
// whoever has the file, an old part and the master key.
const DefaultKeepKeys = 30 * 24 * time.Hour

// Report says what a backup did.
type Report struct {
	ID         string    `json:"id"`
	Time       time.Time `json:"time"`
	Position   uint64    `json:"position"`
	LedgerSize uint64    `json:"ledger_size"`
	Parts      int       `json:"parts"`
	New        int       `json:"new_parts"`
	NewBytes   int64     `json:"new_bytes"` // sealed
	Bytes      int64     `json:"bytes"`     // sealed, of all parts
	Erasures   int       `json:"erasures"`  // orders listed now
	Removed    Removed   `json:"removed"`
	// ExpiresAt is when what is in this backup and is erased now will be gone from the repository; zero where backups are kept for ever.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// Targets of the size of parts, in bytes; see also the maxima in manifest.go.
const (
	journalPart  = 4 << 20
	blocksPart   = 8 << 20
	placesPart   = 64 << 10 // rows
	leavesPart   = 64 << 10 // leaves
	lastingPart  = 100_000  // positions
	lastingReach = 1_000_000
)

// run is one backup being made.
type run struct {
	repo *Repository
	src  Source
	opts Options
	prev *Manifest // nil at first
	m    *Manifest
	rep  *Report
	head ledger.Checkpoint
	// known are the parts of earlier backups by kind and digest, each of which is there.
	known map[string]Part
}

// Backup makes one backup. What it returns an error for left nothing that counts.
func (r *Repository) Backup(ctx context.Context, src Source, opts Options) (*Report, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.KeepKeys == 0 {
		opts.KeepKeys = DefaultKeepKeys
	}
	if len(opts.Recipients) == 0 {
		return nil, errors.New("back up: no recipient: name a public key of age (age1…); tripod keys identity FILE makes one")
	}
	if opts.Master.Reveal() != "" && len(opts.KeysTo) == 0 {
		return nil, errors.New("back up: the master key goes along only for recipients of its own: name them with --keys-to")
	}
	if len(opts.KeysTo) == 0 {
		opts.KeysTo = opts.Recipients
	}
	b := &run{repo: r, src: src, opts: opts, rep: new(Report), known: make(map[string]Part)}
	if err := b.make(ctx); err != nil {
		return nil, fmt.Errorf("back up to %s: %w", r.dir, err)
	}
	return b.rep, nil
}

func (b *run) make(ctx context.Context) error {
	if err := b.begin(); err != nil {
		return err
	}
	if err := b.src.Still(ctx, func() error { return b.copy(ctx) }); err != nil {
		return err
	}
	n, err := b.repo.ListErasures(ctx, b.src, b.opts.Recipients, b.listedThrough(), b.m.Position)
	if err != nil {
		return err
	}
	if err := b.repo.putManifest(b.m, b.src.Dir); err != nil {
		return err
	}
	b.rep.ID, b.rep.Time, b.rep.Position, b.rep.LedgerSize = b.m.ID, b.m.Time, b.m.Position, b.m.LedgerSize
	b.rep.Parts, b.rep.Bytes, b.rep.Erasures = len(b.m.Parts), b.m.Sealed(), n
	if b.opts.Keep > 0 {
		b.rep.ExpiresAt = b.m.Time.Add(b.opts.Keep)
	}
	b.rep.Removed, err = b.repo.prune(b.m, b.opts)
	return err
}

// listedThrough is up to where orders of erasure are listed already: those of a ledger that went back are listed again.
func (b *run) listedThrough() uint64 {
	if b.prev == nil || b.prev.Position > b.m.Position {
		return 0
	}
	return b.prev.Position
}

// begin reads what is there and refuses a repository of another ledger.
func (b *run) begin() error {
	key, err := ledger.ReadKey(b.src.Dir)
	if err != nil {
		return err
	}
	var chance [4]byte
	if _, err := rand.Read(chance[:]); err != nil {
		return err
	}
	now := b.opts.Now().UTC().Truncate(time.Millisecond)
	b.m = &Manifest{Format: format, ID: now.Format("20060102T150405.000Z") + "-" + hex.EncodeToString(chance[:]), Time: now, Key: key}
	prev, err := b.repo.Newest()
	switch {
	case errors.Is(err, ErrNoBackup):
		return nil
	case err != nil:
		return fmt.Errorf("the newest backup cannot be read, and would be built upon: %w: move it away, or take another directory", err)
	}
	b.prev, b.m.Previous = prev, prev.ID
	if !now.After(prev.Time) {
		return fmt.Errorf("the newest backup is of %s, the clock says %s: set the clock", prev.Time.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	for _, p := range prev.Parts {
		if b.repo.has(p.Object) {
			b.known[string(p.Kind)+p.Digest] = p
		}
	}
	return nil
}

// copy puts away all parts, in the order of the package comment.
func (b *run) copy(ctx context.Context) error {
	mark, cursors, err := b.src.Journal.Mark(ctx)
	if err != nil {
		return err
	}
	b.m.Restored = string(cursors[restoredCursor])
	if err := b.src.Signed(ctx, mark); err != nil {
		return fmt.Errorf("wait for a checkpoint over %d records: %w", mark, err)
	}
	if err := b.readHead(mark); err != nil {
		return err
	}
	for _, copy := range []func(context.Context) error{b.copyJournal, b.copyLasting,
		func(context.Context) error { return b.put(KindCursors, 0, 0, encodeCursors(cursors)) }, b.copyLeaves, b.copyContent, b.copyKeys} {
		if err := copy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readHead takes the checkpoint that the backup is bound to.
func (b *run) readHead(least uint64) error {
	note, err := tiles.Folder(filepath.Join(b.src.Dir, "ledger")).ReadCheckpoint()
	if err != nil {
		return err
	}
	if b.head, err = tiles.OpenCheckpoint(note, b.m.Key); err != nil {
		return err
	}
	if b.head.Size < least {
		return fmt.Errorf("the checkpoint covers %d records, %d were there before", b.head.Size, least)
	}
	b.m.Origin, b.m.LedgerSize, b.m.Checkpoint = b.head.Origin, b.head.Size, string(note)
	if b.prev != nil && b.prev.Origin != b.m.Origin {
		return fmt.Errorf("the repository is of the ledger %s, this is %s: take another directory", b.prev.Origin, b.m.Origin)
	}
	b.m.HandOvers, err = ledger.HandOvers(b.src.Dir)
	return err
}

// put adds a part, and writes it unless an earlier backup did.
func (b *run) put(kind Kind, first, last uint64, raw []byte) error {
	if len(raw) > maxRaw {
		return fmt.Errorf("%s %d to %d: %d bytes in one part", kind, first, last, len(raw))
	}
	digest := digestOf(raw)
	p, ok := b.known[string(kind)+digest]
	if !ok {
		data, err := seal(raw, b.opts.Recipients)
		if err != nil {
			return err
		}
		p = Part{Digest: digest, Raw: int64(len(raw)), Sealed: int64(len(data)), Object: digestOf(data)}
		if err := b.repo.put(data, objectPath(p.Object)...); err != nil {
			return err
		}
		b.rep.New++
		b.rep.NewBytes += p.Sealed
	}
	p.Kind, p.First, p.Last = kind, first, last
	b.m.Parts = append(b.m.Parts, p)
	return nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, os.ErrNotExist) }
