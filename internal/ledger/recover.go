package ledger

import (
	"context"
	"fmt"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// Range is a stretch of positions, both ends included.
type Range struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Len is how many positions it spans.
func (r Range) Len() uint64 { return r.Last - r.First + 1 }

// Filler is the journal as a recovery needs it.
type Filler interface {
	Reader
	// FillLost appends loss tombstones behind the journal's last position.
	FillLost(ctx context.Context, lost []audit.Tombstone) error
}

// Recovery says what a recovery found and did.
type Recovery struct {
	// Lost are the positions whose records are gone: those filled with loss tombstones now, and those an earlier recovery
	// filled and did not come to name. The caller appends a record of type TypeRecovered for each, with its first, its last
	// and the number of records; until then verification calls the tombstones unnamed.
	Lost []Range `json:"lost"`
	// Mended are files of the ledger written again from the journal, relative to the data directory.
	Mended []string `json:"mended"`
	// Signed says that there was no checkpoint and one was signed.
	Signed bool `json:"signed"`
	// Size is how many leaves the checkpoint now there was signed over.
	Size uint64 `json:"size"`
}

// Recover mends what can be mended without contradicting anything signed. A ledger longer than its journal: the lost
// positions are filled with tombstones, whose commitments come from the entry bundles and are checked against the
// signed checkpoint. A damaged tile or bundle: it is derived again, if what is derived gives the checkpoint's root. A
// missing checkpoint: it is signed anew, if the journal agrees with every tile there is and reaches as far as they do.
//
// The caller holds the journal's lock, and no Ledger is open on the directory. Everything may be done again after a
// crash. A *UnrecoverableError says what stands in the way. Verify afterwards tells what remains.
func Recover(ctx context.Context, dir string, j Filler) (*Recovery, error) {
	r := recovery{dir: dir, journal: j, folder: newFolder(osDisk(dir), ledgerDir)}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	return &r.done, nil
}

// UnrecoverableError says that journal and ledger contradict each other, which no recovery may paper over.
type UnrecoverableError struct {
	Findings []Finding
}

func (e *UnrecoverableError) Error() string {
	first := "journal and ledger contradict each other"
	for _, f := range e.Findings {
		if f.Severity == SeverityError {
			first = f.Text
			break
		}
	}
	return first + "; nothing was changed: restore journal and ledger together from a backup"
}

type recovery struct {
	dir     string
	journal Filler
	folder  *folder
	key     key
	done    Recovery
}

func (r *recovery) run(ctx context.Context) error {
	var err error
	if r.key, err = readKey(r.dir); err != nil {
		return err
	}
	for {
		v, err := verify(ctx, VerifyOptions{Dir: r.dir, Journal: r.journal, Key: r.key.vkey, mend: true, signWait: -1}) // nobody else signs now
		if err != nil {
			return err
		}
		if err := r.admissible(v); err != nil {
			return err
		}
		if err := r.mend(v); err != nil {
			return err
		}
		if len(v.damages) < maxDamages { // more may be left than are mended at once
			return r.finish(ctx, v)
		}
	}
}

// admissible tells whether what is wrong may be mended: with a checkpoint, all that counts is that the leaves give its
// root; without one, nothing may contradict the tiles.
func (r *recovery) admissible(v *verifier) error {
	signed := v.head != nil
	for _, f := range v.list {
		switch f.Kind {
		case KindTombstoneUnnamed, KindTombstoneUnsigned, KindLossUnnamed, KindTombstoneDifferent, KindTileUnreadable, KindEntriesUnreadable, KindCheckpointMissing:
			continue
		case KindCheckpointAltered: // one that cannot even be read is as good as none
			if !signed {
				continue
			}
		case KindJournalShort, KindTileAltered, KindEntryAltered:
			if signed {
				continue
			}
		}
		if f.Severity == SeverityError {
			return &UnrecoverableError{v.findings.done()}
		}
	}
	if signed && (v.root == nil || *v.root != v.head.Root) {
		return &UnrecoverableError{v.findings.done()}
	}
	return nil
}

// mend writes the files of the ledger that are not as they should be.
func (r *recovery) mend(v *verifier) error {
	if len(v.damages) == 0 {
		return nil
	}
	files := make([]file, len(v.damages))
	for i, d := range v.damages {
		if v.head == nil && !d.absent {
			return &UnrecoverableError{v.findings.done()}
		}
		files[i] = d.file
		r.done.Mended = append(r.done.Mended, ledgerDir+"/"+d.path)
	}
	if err := r.folder.put(files); err != nil {
		return err
	}
	return r.folder.settle()
}

// finish signs a missing checkpoint and fills what the journal lost.
func (r *recovery) finish(ctx context.Context, v *verifier) error {
	if v.head == nil {
		head, err := tiles.Sign(r.key.signer, tlog.Tree{N: int64(v.size), Hash: *v.root})
		if err != nil {
			return err
		}
		if err := r.folder.replace(checkpointFile, head.Note, 0o600); err != nil {
			return err
		}
		r.done.Signed = true
	}
	if err := putVerifierKey(r.folder, r.dir, r.key.vkey); err != nil {
		return err
	}
	r.done.Lost, r.done.Size = v.lost, v.size
	if v.journalLast < v.size {
		return r.fill(ctx, v.head, v.journalLast)
	}
	return nil
}

// fillAtOnce is how many tombstones are handed to the journal at a time.
const fillAtOnce = 64 * tiles.Width

// fill gives the journal tombstones for the positions behind its last, up to the ledger's end.
func (r *recovery) fill(ctx context.Context, head *Checkpoint, last uint64) error {
	f := tiles.Folder(filepath.Join(r.dir, ledgerDir))
	first := last + 1
	for last < head.Size {
		var lost []audit.Tombstone
		for len(lost) < fillAtOnce && last < head.Size {
			n := int64(last / tiles.Width)
			w := int(min(head.Size-uint64(n)*tiles.Width, tiles.Width))
			entries, err := f.Commitments(n, w)
			if err != nil {
				return err
			}
			hashes, err := f.Hashes(0, n, w)
			if err != nil {
				return err
			}
			for i := int(last % tiles.Width); i < w; i++ {
				if tiles.LeafHash(entries[i]) != hashes[i] {
					return fmt.Errorf("entry of record %d in %s is not the ledger's leaf: what was lost cannot be told", last+1, place(tiles.Entries, n, w))
				}
				lost = append(lost, audit.Tombstone{Commitment: entries[i], Reason: audit.TombstoneLost})
				last++
			}
		}
		if err := r.journal.FillLost(ctx, lost); err != nil {
			return fmt.Errorf("fill lost records up to %d: %w", last, err)
		}
	}
	r.addLost(Range{First: first, Last: last})
	return nil
}

// addLost joins a stretch to one an earlier recovery left unnamed before it.
func (r *recovery) addLost(lost Range) {
	if n := len(r.done.Lost); n > 0 && r.done.Lost[n-1].Last+1 == lost.First {
		r.done.Lost[n-1].Last = lost.Last
		return
	}
	r.done.Lost = append(r.done.Lost, lost)
}
