package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// VerifyOptions say what a repository is held against.
type VerifyOptions struct {
	Identities Identities // nil: nothing is opened, only names, digests and signatures are checked
	Key        string     // verifier key from elsewhere; "" takes what the manifests say
	Saved      []byte     // a checkpoint held elsewhere; nil where there is none
}

// Verdict is what a verification found. Its JSON form is stable.
type Verdict struct {
	Verified   bool     `json:"verified"`
	Statement  string   `json:"statement"` // one sentence for people
	Backups    int      `json:"backups"`
	Newest     string   `json:"newest"`
	Position   uint64   `json:"position"`    // of the newest
	LedgerSize uint64   `json:"ledger_size"` // of the newest
	Parts      int      `json:"parts"`       // whose sealed bytes were read
	Records    uint64   `json:"records"`     // of the newest, recomputed; 0 without an identity
	Blocks     uint64   `json:"blocks"`
	Wrong      []string `json:"wrong"`
	NotChecked []string `json:"not_checked"`
}

func (v *Verdict) wrong(format string, args ...any) {
	v.Wrong = append(v.Wrong, fmt.Sprintf(format, args...))
}

func (v *Verdict) open(format string, args ...any) {
	v.NotChecked = append(v.NotChecked, fmt.Sprintf(format, args...))
}

// Verify checks every manifest's signature and every part's sealed bytes; of the newest backup, with an identity, also that its
// records hash to its signed checkpoint and that every block is there. What is wrong is in the verdict; an error means that
// the repository cannot be read.
func (r *Repository) Verify(ctx context.Context, opts VerifyOptions) (*Verdict, error) {
	list, bad, err := r.List()
	if err != nil {
		return nil, fmt.Errorf("verify backups: %w", err)
	}
	if len(list)+len(bad) == 0 {
		return nil, fmt.Errorf("verify backups: %w", ErrNoBackup)
	}
	v := &Verdict{Backups: len(list), Wrong: []string{}, NotChecked: []string{}}
	for _, err := range bad {
		v.wrong("%v", err)
	}
	for _, m := range list {
		if opts.Key != "" {
			if err := trusted(m, opts.Key, list); err != nil {
				v.wrong("%v", err)
			}
		}
	}
	if err := r.verifyParts(ctx, list, v); err != nil {
		return nil, fmt.Errorf("verify backups: %w", err)
	}
	if len(list) > 0 {
		if err := r.verifyNewest(ctx, list[len(list)-1], opts, v); err != nil {
			return nil, fmt.Errorf("verify backups: %w", err)
		}
	}
	v.conclude(opts)
	return v, nil
}

// verifyParts reads the sealed bytes of every part once.
func (r *Repository) verifyParts(ctx context.Context, list []*Manifest, v *Verdict) error {
	seen := make(map[string]bool)
	for _, m := range list {
		for _, p := range m.Parts {
			if err := ctx.Err(); err != nil {
				return err
			}
			if seen[p.Object] {
				continue
			}
			seen[p.Object] = true
			if _, err := r.object(p.Object); err != nil {
				v.wrong("backup %s: %s %d to %d: %v", m.ID, p.Kind, p.First, p.Last, err)
				continue
			}
			v.Parts++
		}
		for suffix, digest := range map[string]string{".age": m.KeyFile, ".master.age": m.MasterFile} {
			b, err := os.ReadFile(r.path(keysDir, m.ID+suffix))
			if missing(err) {
				continue // files of keys are kept for days
			}
			if err != nil || digestOf(b) != digest {
				v.wrong("backup %s: its file keys/%s%s was altered or is damaged", m.ID, m.ID, suffix)
			}
		}
	}
	return nil
}

func (r *Repository) verifyNewest(ctx context.Context, m *Manifest, opts VerifyOptions, v *Verdict) error {
	v.Newest, v.Position, v.LedgerSize = m.ID, m.Position, m.LedgerSize
	if _, err := os.Stat(r.path(keysDir, m.ID+".age")); err != nil {
		v.wrong("backup %s: its file of keys is gone: content could not be read after a restore", m.ID)
	}
	var saved *tiles.Checkpoint
	if opts.Saved != nil {
		saved = r.verifySaved(m, opts.Saved, v)
	}
	if len(opts.Identities) == 0 {
		v.open("what the parts hold: no identity was given")
		if saved != nil && saved.Size < m.LedgerSize {
			v.open("that the ledger only grew since the held checkpoint: that needs an identity")
		}
		return nil
	}
	o := &opened{m, r, opts.Identities}
	for _, check := range []func() error{
		func() error { return o.verifyRecords(ctx, saved, v) }, func() error { return o.verifyContent(ctx, v) },
		func() error { return o.verifyErasures(v) }, func() error { return o.verifyKeys(v) },
	} {
		if err := check(); err != nil {
			if ctx.Err() != nil {
				return err
			}
			v.wrong("%v", err)
		}
	}
	return nil
}

// verifySaved holds the checkpoint from elsewhere against the newest backup's, as far as that goes without the tree.
func (r *Repository) verifySaved(m *Manifest, msg []byte, v *Verdict) *tiles.Checkpoint {
	keys, err := r.signers(m)
	if err != nil {
		v.wrong("%v", err)
		return nil
	}
	for _, key := range keys {
		saved, err := tiles.OpenCheckpoint(msg, key)
		if err != nil {
			continue
		}
		head, err := tiles.ParseCheckpoint([]byte(m.Checkpoint))
		switch {
		case err != nil:
			v.wrong("backup %s: %v", m.ID, err)
		case saved.Size > m.Position:
			v.open("records %d to %d, which the held checkpoint was signed over: they are in no backup; either they came after the newest one, of %s, or newer ones were taken away",
				m.Position+1, saved.Size, m.Time.Format(time.RFC3339))
		case saved.Size == head.Size && saved.Root != head.Root:
			v.wrong("the held checkpoint of size %d has another root than that of backup %s: there are two histories", saved.Size, m.ID)
		}
		return &saved
	}
	v.wrong("the held checkpoint was signed by none of the keys of this repository's ledger, %s", m.Origin)
	return nil
}

// verifyRecords recomputes the newest backup's tree from its records.
func (o *opened) verifyRecords(ctx context.Context, saved *tiles.Checkpoint, v *Verdict) error {
	d, err := journal.NewDecoder()
	if err != nil {
		return err
	}
	defer d.Close()
	head, err := tiles.ParseCheckpoint([]byte(o.Checkpoint))
	if err != nil {
		return err
	}
	var t tree
	next := uint64(1)
	each := func(s journal.Stored) error {
		if s.Seq != next {
			return fmt.Errorf("record %d follows record %d", s.Seq, next-1)
		}
		next++
		if s.Seq <= head.Size {
			t.add(s.Commitment)
		}
		if saved != nil && t.size == saved.Size && s.Seq == saved.Size && t.root() != saved.Root {
			v.wrong("records 1 to %d of backup %s do not hash to the root of the held checkpoint: the ledger was rewritten since", saved.Size, o.ID)
		}
		return nil
	}
	err = o.each(ctx, KindJournal, func(_ Part, raw []byte) error {
		rows, err := decodeRows(raw)
		for i := range rows {
			err = errors.Join(err, d.Each(&rows[i], each))
		}
		return err
	})
	if err != nil {
		return err
	}
	if v.Records = next - 1; v.Records != o.Position || t.size != head.Size || t.root() != head.Root {
		return fmt.Errorf("backup %s: records 1 to %d do not hash to the root of its signed checkpoint", o.ID, head.Size)
	}
	var l tree
	for c, err := range o.leaves(ctx, 1, head.Size) {
		if err != nil {
			return err
		}
		l.add(c)
	}
	if l.root() != head.Root {
		return fmt.Errorf("backup %s: its list of commitments does not hash to the root of its signed checkpoint", o.ID)
	}
	return nil
}

// verifyContent sees whether every block that has a place is there.
func (o *opened) verifyContent(ctx context.Context, v *Verdict) error {
	there := make(map[int64]bool)
	err := o.each(ctx, KindBlocks, func(_ Part, raw []byte) error {
		list, err := decodeBlocks(raw)
		for _, b := range list {
			there[b.ID] = true
		}
		return err
	})
	if err != nil {
		return err
	}
	v.Blocks = uint64(len(there))
	absent := 0
	err = o.each(ctx, KindPlaces, func(_ Part, raw []byte) error {
		list, err := decodePlaces(raw)
		for _, p := range list {
			if p.Block != 0 && !there[p.Block] {
				absent++
			}
		}
		return err
	})
	if err == nil && absent > 0 {
		v.open("whether a record refers to %d blocks that a sweep took while the backup was made: a restore leaves them out", absent)
	}
	return err
}

// verifyErasures opens every erasure there is.
func (o *opened) verifyErasures(*Verdict) error {
	keys, err := o.repo.signers(o.Manifest)
	if err != nil {
		return err
	}
	_, err = o.repo.erasuresSince(0, nil, o.with, keys)
	return err
}

// verifyKeys reads the file of keys, if an identity opens it.
func (o *opened) verifyKeys(v *Verdict) error {
	k, err := o.repo.openKeys(o.ID, o.with)
	if errors.Is(err, errNotOurs) {
		v.open("the file of keys: no identity given opens it")
		return nil
	}
	if err != nil || k == nil {
		return err
	}
	v.open("that the master key opens the wrapped keys: a restore does")
	err = k.wrapped(func([]content.WrappedKey) error { return nil })
	return errors.Join(err, k.close())
}

func (v *Verdict) conclude(opts VerifyOptions) {
	v.Verified = len(v.Wrong) == 0
	if !v.Verified {
		v.Statement = "not verified: " + v.Wrong[0]
		return
	}
	v.Statement = fmt.Sprintf("%d backups, the newest %s with %d records under a checkpoint of %d: all parts are there as they were written", v.Backups, v.Newest, v.Position, v.LedgerSize)
	if v.Records > 0 {
		v.Statement += ", and its records hash to the signed root"
	}
	if opts.Key == "" {
		v.Statement += "; not anchored: give a key held elsewhere"
	}
}
