package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
	"github.com/tripod-audit/tripod/internal/secret"
)

// RestoreOptions say what to restore and against what to hold it.
type RestoreOptions struct {
	At         string        // id or time; "" is the newest
	Identities Identities    // required
	Master     secret.String // the master key, where it does not come from the repository; may be empty
	// MasterStays says that the master key is where every start finds it, in the environment, and belongs in no file.
	MasterStays bool
	Key         string // verifier key from elsewhere; "" takes that of the manifest
	Saved       []byte // a checkpoint held elsewhere; nil where there is none
	AcceptLoss  bool   // go on where later records are known to have been
}

// Restored says what was restored. Its JSON form is stable.
type Restored struct {
	Backup     string    `json:"backup"`
	Time       time.Time `json:"time"` // of the backup
	Position   uint64    `json:"position"`
	LedgerSize uint64    `json:"ledger_size"`
	Anchored   bool      `json:"anchored"` // a key from elsewhere vouches for it
	Blocks     uint64    `json:"blocks"`
	Keys       KeysState `json:"keys"`
	// Lost are the positions that are known to have been and are not in the backup, 0 where none is known.
	LostFirst uint64 `json:"lost_first,omitempty"`
	LostLast  uint64 `json:"lost_last,omitempty"`
	Filled    bool   `json:"filled,omitempty"` // tombstones stand there, so that every proof goes on to hold
	Again     int    `json:"erased_again"`     // filled in by whoever erases again
	// Erasures are to be carried out again before anybody reads what was restored.
	Erasures []Erasure `json:"-"`
}

// KeysState says what of the keys came back.
type KeysState struct {
	File   string `json:"file,omitempty"` // the backup whose file of keys was taken; "" where none could be
	Master bool   `json:"master"`         // the master key is there and is the right one
	Why    string `json:"why,omitempty"`  // what is missing and what follows
}

// LossError says that a ledger was longer than what is about to be restored.
type LossError struct {
	Backup     string
	Time       time.Time
	Have, Were uint64
	Fillable   bool
}

func (e *LossError) Error() string {
	then := "no proof of the time after can be kept: checkpoints signed later will contradict the restored ledger"
	if e.Fillable {
		then = "tombstones will say so at their positions, and every proof goes on to hold"
	}
	return fmt.Sprintf("rollback: the ledger was at %d, backup %s of %s ends at %d: records %d to %d would be lost; bring a newer backup, or give --accept-loss: %s",
		e.Were, e.Backup, e.Time.Format(time.RFC3339), e.Have, e.Have+1, e.Were, then)
}

// restoring is one restore under way.
type restoring struct {
	opened
	opts   RestoreOptions
	dir    string
	keys   *keyFile
	longer *Manifest // with the longest ledger in the repository; the backup's own where that is it
	signed []string  // keys whose signatures count
	// cursors are those of the backup.
	cursors map[string][]byte
	rep     *Restored
}

// UnfinishedFile stands in a directory while it is restored. Restore makes it first, and leaves it to the caller to remove it.
const UnfinishedFile = "restore-unfinished"

// Restore makes the files of a data directory in dir, which must be missing or empty, and leaves it to the caller to erase
// again what Restored.Erasures lists, and then to remove UnfinishedFile, before anything is read. On an error whatever it wrote is to be
// thrown away. The errors a caller decides by are *LossError and ErrNoBackup.
func (r *Repository) Restore(ctx context.Context, dir string, opts RestoreOptions) (_ *Restored, err error) {
	m, err := r.Find(opts.At)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	s := &restoring{opened: opened{m, r, opts.Identities}, opts: opts, dir: dir, cursors: make(map[string][]byte), rep: &Restored{Backup: m.ID, Time: m.Time, Anchored: opts.Key != ""}}
	defer func() {
		if s.keys != nil {
			err = errors.Join(err, s.keys.close())
		}
	}()
	for _, step := range []func(context.Context) error{s.prepare, s.lookForKeys, s.mark, s.putJournal, s.putLedger, s.putContent, s.putKeys} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	return s.rep, nil
}

// prepare checks who signed, what is lost, and what was erased since.
func (s *restoring) prepare(ctx context.Context) error {
	if entries, err := os.ReadDir(s.dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: nothing is ever overwritten: name a directory that is not there yet", s.dir)
	}
	if len(s.with) == 0 {
		return errNotOurs
	}
	if s.opts.Key != "" {
		all, _, err := s.repo.List()
		if err != nil {
			return err
		}
		if err := trusted(s.Manifest, s.opts.Key, all); err != nil {
			return err
		}
	}
	var err error
	if s.signed, err = s.repo.signers(s.Manifest); err != nil {
		return err
	}
	if s.longer, err = s.repo.longest(s.Manifest); err != nil {
		return err
	}
	if err := s.checkLoss(); err != nil {
		return err
	}
	err = s.each(ctx, KindCursors, func(_ Part, raw []byte) error {
		s.cursors, err = decodeCursors(raw)
		return err
	})
	if err != nil {
		return err
	}
	settled, err := settledIn(s.cursors)
	if err != nil {
		return err
	}
	s.rep.Erasures, err = s.repo.erasuresSince(s.Position, settled, s.with, s.signed)
	return err
}

// mark says in the directory that it is not whole.
func (s *restoring) mark(context.Context) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return keyring.Replace(filepath.Join(s.dir, UnfinishedFile), []byte("made by tripod restore, which was cut short if you read this: delete this directory\n"))
}

// checkLoss holds the backup against the longest ledger that is known.
func (s *restoring) checkLoss() error {
	were := s.longer.LedgerSize
	if s.opts.Saved != nil {
		saved, err := s.openSaved()
		if err != nil {
			return err
		}
		were = max(were, saved.Size)
	}
	if were <= s.Position {
		return nil
	}
	s.rep.LostFirst, s.rep.LostLast = s.Position+1, were
	s.rep.Filled = were == s.longer.LedgerSize // its leaves are in the repository
	if !s.opts.AcceptLoss {
		return &LossError{Backup: s.ID, Time: s.Time, Have: s.Position, Were: were, Fillable: s.rep.Filled}
	}
	return nil
}

func (s *restoring) openSaved() (tiles.Checkpoint, error) {
	for _, key := range s.signed {
		if c, err := tiles.OpenCheckpoint(s.opts.Saved, key); err == nil {
			return c, nil
		}
	}
	return tiles.Checkpoint{}, fmt.Errorf("the held checkpoint was signed by none of the keys of this repository's ledger, %s", s.Origin)
}

// lookForKeys opens the file of keys that fits: the backup's own, else the newest there is. Without one, or without the master
// key, records and proofs are all that can be restored, and nothing can be erased again.
func (s *restoring) lookForKeys(ctx context.Context) error {
	ids, err := s.repo.ids()
	if err != nil {
		return err
	}
	slices.Reverse(ids)
	why := "no file of keys is left in the repository"
	var wrong error // of the master key
	for _, id := range append([]string{s.ID}, ids...) {
		k, err := s.repo.openKeys(id, s.with)
		switch {
		case errors.Is(err, errNotOurs):
			why = "no identity given opens a file of keys"
			continue
		case err != nil:
			return err
		case k == nil:
			continue
		}
		master, err := s.findMaster(ctx, id, k)
		if err != nil { // it was changed since: a newer file of keys is wrapped by the one at hand
			wrong = errors.Join(wrong, k.close())
			if wrong == nil {
				wrong = err
			}
			continue
		}
		s.keys, s.rep.Keys.File, s.rep.Keys.Master = k, id, master
		break
	}
	switch {
	case s.keys == nil && wrong != nil:
		return wrong
	case s.keys == nil:
		s.rep.Keys.Why = why + ": records and proofs can be read; content cannot, and nothing can be written, since the ledger's key is there too"
	case !s.rep.Keys.Master:
		s.rep.Keys.Why = "the master key is not in the repository and was not given: records and proofs can be read; content cannot, nor can anything be written, until it is: " +
			"set " + keyring.EnvKey + " or " + keyring.EnvFile + ", or restore with --keys FILE"
	}
	if !s.rep.Keys.Master && len(s.rep.Erasures) > 0 {
		return fmt.Errorf("%d erasures were carried out since this backup, and cannot be again: %s; bring the keys, or restore the newest backup", len(s.rep.Erasures), s.rep.Keys.Why)
	}
	return s.findSigner(ids)
}

// findMaster looks whether the master key is at hand, given or in the repository, and is the one a file of keys needs.
func (s *restoring) findMaster(ctx context.Context, id string, k *keyFile) (bool, error) {
	text := s.opts.Master
	if text.Reveal() == "" {
		if data, err := os.ReadFile(s.repo.path(keysDir, id+".master.age")); err == nil {
			if plain, err := unsealAll(data, s.with, 4096); err == nil {
				text = secret.New(string(plain))
			}
		}
	}
	if text.Reveal() == "" {
		return false, nil
	}
	master, err := keyring.Parse(text)
	if err != nil {
		return false, err
	}
	if len(k.check) > 0 {
		if err := content.CheckMaster(ctx, master, k.check); err != nil {
			return false, fmt.Errorf("%w: it does not open the keys of backup %s", err, id)
		}
	}
	s.opts.Master = text
	return true, nil
}

// findSigner sees to it that the ledger's signing key is the one of the checkpoint: it may have been handed over since.
func (s *restoring) findSigner(ids []string) error {
	fits := func(k *keyFile) bool { return strings.TrimSpace(string(k.secrets["ledger.pub"])) == s.longestKey() }
	if s.keys == nil || fits(s.keys) {
		return nil
	}
	for _, id := range ids {
		k, err := s.repo.openKeys(id, s.with)
		if err != nil || k == nil {
			continue
		}
		found := fits(k)
		if err := k.close(); err != nil {
			return err
		}
		if found {
			s.keys.secrets["ledger.key"], s.keys.secrets["ledger.pub"] = k.secrets["ledger.key"], k.secrets["ledger.pub"]
			return nil
		}
	}
	delete(s.keys.secrets, "ledger.key")
	s.rep.Keys.Why = "no file of keys has the ledger's signing key " + tiles.KeyName(s.longestKey()) + ": nothing can be written until it is brought back"
	return nil
}

// putJournal writes the journal, and tombstones where records are known to be lost.
func (s *restoring) putJournal(ctx context.Context) (err error) {
	j, err := journal.Open(ctx, s.dir, journal.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	err = s.each(ctx, KindJournal, func(_ Part, raw []byte) error {
		rows, err := decodeRows(raw)
		if err != nil {
			return err
		}
		return j.Restore(ctx, rows)
	})
	if err != nil {
		return err
	}
	if last, err := j.Reader().Last(ctx); err != nil || last != s.Position {
		return errors.Join(err, fmt.Errorf("the rows of backup %s reach to %d, its manifest says %d", s.ID, last, s.Position))
	}
	err = s.each(ctx, KindLasting, func(_ Part, raw []byte) error {
		list, err := decodeLasting(raw)
		if err != nil {
			return err
		}
		return j.RestoreMarks(ctx, list, nil)
	})
	if err != nil {
		return err
	}
	s.cursors[restoredCursor] = []byte(s.ID + " " + rand.Text())
	if s.cursors[settledCursor], err = s.repo.settledNow(s.Position); err != nil {
		return err
	}
	err = j.RestoreMarks(ctx, nil, s.cursors)
	if err != nil || !s.rep.Filled {
		s.rep.Position = s.Position
		return err
	}
	return s.fill(ctx, j)
}

// fill puts tombstones where records are lost, with the commitments that a later backup has of them.
func (s *restoring) fill(ctx context.Context, j *journal.Journal) error {
	longer := opened{s.longer, s.repo, s.with}
	var lost []audit.Tombstone
	flush := func() error {
		err := j.FillLost(ctx, lost)
		lost = nil
		return err
	}
	for c, err := range longer.leaves(ctx, s.Position+1, s.longer.LedgerSize) {
		if err != nil {
			return err
		}
		lost = append(lost, audit.Tombstone{Commitment: c, Reason: audit.TombstoneLost})
		if len(lost) == 1<<14 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	s.rep.Position = s.longer.LedgerSize
	return flush()
}

// putLedger derives the ledger from the restored journal. That it gives the signed root is the proof that all is there.
func (s *restoring) putLedger(ctx context.Context) (err error) {
	head := s.Manifest
	if s.rep.Filled {
		head = s.longer
	}
	r, err := journal.OpenReader(ctx, s.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	s.rep.LedgerSize = head.LedgerSize
	return ledger.Derive(ctx, s.dir, []byte(head.Checkpoint), head.HandOvers, func(yield func(audit.Commitment, error) bool) {
		if head.LedgerSize == 0 {
			return
		}
		for stored, err := range r.Scan(ctx, 1, head.LedgerSize) {
			if !yield(stored.Commitment, err) {
				return
			}
		}
	})
}

// putContent writes the content store.
func (s *restoring) putContent(ctx context.Context) (err error) {
	c, err := content.Restore(ctx, s.dir, s.keys != nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	err = s.each(ctx, KindPlaces, func(_ Part, raw []byte) error {
		list, err := decodePlaces(raw)
		if err != nil {
			return err
		}
		return c.Places(list)
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, KindBlocks, func(_ Part, raw []byte) error {
		list, err := decodeBlocks(raw)
		if err != nil {
			return err
		}
		s.rep.Blocks += uint64(len(list))
		return c.Blocks(list)
	})
	if err != nil {
		return err
	}
	err = s.each(ctx, KindRetired, func(_ Part, raw []byte) error {
		ids, err := decodeRetired(raw)
		if err != nil {
			return err
		}
		return c.Retired(ids)
	})
	if err != nil {
		return err
	}
	if err := c.Finish(time.Now()); err != nil || s.keys == nil {
		return err
	}
	if len(s.keys.check) > 0 {
		if err := c.Master(s.keys.check); err != nil {
			return err
		}
	}
	return s.keys.wrapped(c.Keys)
}

// putKeys writes the files of DIR/keys.
func (s *restoring) putKeys(context.Context) error {
	dir := filepath.Join(s.dir, keyring.Dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := keyring.Replace(filepath.Join(dir, "ledger.pub"), []byte(s.longestKey()+"\n")); err != nil {
		return err
	}
	if s.keys == nil {
		return nil
	}
	for _, name := range keyFiles() {
		if text, ok := s.keys.secrets[name]; ok {
			if err := keyring.Replace(filepath.Join(dir, name), text); err != nil {
				return err
			}
		}
	}
	if !s.rep.Keys.Master {
		return nil
	}
	if s.opts.MasterStays {
		return nil
	}
	return keyring.Replace(filepath.Join(dir, keyring.FileName), []byte(s.opts.Master.Reveal()+"\n"))
}

// longestKey is the verifier key of the checkpoint that was restored.
func (s *restoring) longestKey() string {
	if s.rep.Filled {
		return s.longer.Key
	}
	return s.Key
}
