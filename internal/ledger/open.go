package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// AheadError says that the ledger holds more leaves than the journal has records: the journal was restored from an
// older copy or lost its end.
type AheadError struct {
	Ledger  uint64 // leaves the last checkpoint was signed over
	Journal uint64 // the journal's last seq
}

func (e *AheadError) Error() string {
	return fmt.Sprintf("the ledger holds %d records, the journal only %d: the journal is an older copy; run tripod recover", e.Ledger, e.Journal)
}

// DivergedError says that the journal's record at the ledger's end is not the one the ledger commits to.
type DivergedError struct {
	Seq uint64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("record %d of the journal is not the one the ledger commits to: the journal was replaced or altered; run tripod verify", e.Seq)
}

// DamagedError says that the ledger's own files are missing or do not fit together.
type DamagedError struct {
	Err error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the ledger is damaged: %v; run tripod verify, then tripod recover", e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// ErrKeyMissing says that the ledger has checkpoints and its signing key is gone. A new key would make another ledger.
var ErrKeyMissing = errors.New("keys/ledger.key is missing although the ledger has signed checkpoints: restore it from a backup")

// open reads the folder's state, or makes the first one, and holds it against the journal.
func (l *Ledger) open(ctx context.Context, dir string, opts Options) error {
	if err := settleHandOver(l.folder, dir); err != nil {
		return err
	}
	f := tiles.Folder(filepath.Join(dir, ledgerDir))
	msg, err := f.ReadCheckpoint()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.key, err = readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if err := l.create(dir, f, msg, opts.Origin); err != nil {
			return err
		}
		if msg, err = f.ReadCheckpoint(); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if msg == nil {
		return &DamagedError{fmt.Errorf("%s is missing", checkpointFile)}
	}
	if l.head, err = tiles.OpenCheckpoint(msg, l.key.vkey); err != nil {
		return &DamagedError{err}
	}
	if err := checkJournal(ctx, f, l.head, opts.Journal); err != nil {
		return err
	}
	if l.edge, err = loadEdge(f, l.head); err != nil {
		return &DamagedError{err}
	}
	l.sweep(f)
	return putVerifierKey(l.folder, dir, l.key.vkey)
}

// create makes the key and signs the empty tree. The key's place is taken last: a folder with a key and without a
// checkpoint has lost something, one with an empty checkpoint and no key was cut short while being made.
func (l *Ledger) create(dir string, f tiles.Folder, msg []byte, origin string) error {
	if msg != nil {
		c, err := tiles.ParseCheckpoint(msg)
		if err != nil {
			return &DamagedError{err}
		}
		if c.Size > 0 {
			return ErrKeyMissing
		}
	}
	if n, err := f.Size(); err != nil {
		return err
	} else if n > 0 {
		return ErrKeyMissing
	}
	k, text, err := newKey(origin)
	if err != nil {
		return err
	}
	empty, err := tlog.TreeHash(0, nil)
	if err != nil {
		return fmt.Errorf("hash the empty tree: %w", err)
	}
	head, err := tiles.Sign(k.signer, tlog.Tree{Hash: empty})
	if err != nil {
		return err
	}
	if err := l.folder.replace(checkpointFile, head.Note, 0o600); err != nil {
		return err
	}
	if err := l.folder.replace(keyFile, []byte(text.Reveal()+"\n"), 0o600); err != nil {
		return err
	}
	l.key = k
	return putVerifierKey(l.folder, dir, k.vkey)
}

// checkJournal is the cheap check at start: the journal reaches as far as the ledger, and its record there is the one
// the ledger commits to. The thorough one is Verify.
func checkJournal(ctx context.Context, f tiles.Folder, head tiles.Checkpoint, journal Reader) error {
	last, err := journal.Last(ctx)
	if err != nil {
		return fmt.Errorf("ask the journal for its end: %w", err)
	}
	if head.Size > last {
		return &AheadError{Ledger: head.Size, Journal: last}
	}
	seq := head.Size
	if seq == 0 {
		return nil
	}
	leaf, err := f.Reader(ctx, head).ReadHashes([]int64{tlog.StoredHashIndex(0, int64(seq-1))})
	if err != nil {
		return &DamagedError{err}
	}
	for stored, err := range journal.Scan(ctx, seq, seq) {
		if err != nil {
			return fmt.Errorf("read record %d: %w", seq, err)
		}
		if stored.Seq == seq && tiles.LeafHash(stored.Commitment) == leaf[0] {
			return nil
		}
	}
	return &DivergedError{Seq: seq}
}

// sweep removes partial tiles whose full ones the checkpoint covers: a crash may have come between. Only the directories
// at the right edge are looked through; what stays elsewhere is harmless.
func (l *Ledger) sweep(f tiles.Folder) {
	for level := tiles.Entries; ; level++ {
		n := int64(l.head.Size >> (tiles.Height * (max(level, 0) + 1)))
		if l.head.Size>>(tiles.Height*max(level, 0)) == 0 {
			return
		}
		dirs := []string{path.Dir(tiles.Path(level, n, tiles.Width))}
		if n > 0 && n%1000 == 0 {
			dirs = append(dirs, path.Dir(tiles.Path(level, n-1, tiles.Width)))
		}
		for _, dir := range dirs {
			l.sweepDir(f, dir, level, n)
		}
	}
}

func (l *Ledger) sweepDir(f tiles.Folder, dir string, level int, edge int64) {
	list, err := os.ReadDir(filepath.Join(string(f), filepath.FromSlash(dir)))
	if err != nil {
		return
	}
	for _, e := range list {
		digits, ok := strings.CutSuffix(e.Name(), ".p")
		d, err := strconv.ParseUint(digits, 10, 10)
		if !ok || err != nil {
			continue
		}
		n := edge/1000*1000 + int64(d)
		if dir != path.Dir(tiles.Path(level, edge, tiles.Width)) {
			n -= 1000
		}
		if n < edge {
			l.discard(tiles.Path(level, n, tiles.Width) + ".p")
		}
	}
}
