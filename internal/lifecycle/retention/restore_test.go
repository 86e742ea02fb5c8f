package retention_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// saved is what was known when the latest backup was made.
type saved struct {
	said    int
	holds   map[string]hold.Scope
	waiting []string
}

func (w *world) source() backup.Source {
	return backup.Source{Dir: w.dir, Journal: w.journal.Reader(), Content: w.content.Reader(), Still: w.eraser.Still, Signed: w.eraser.Signed}
}

// backup makes a backup, in the repository there is.
func (w *world) backup() (err error) {
	if w.repo == nil {
		if w.repo, err = backup.MakeRepository(w.t.TempDir()); err != nil {
			return err
		}
		w.identity = filepath.Join(w.t.TempDir(), "identity")
		if w.recipient, err = backup.NewIdentity(w.identity); err != nil {
			return err
		}
	}
	to, err := backup.ParseRecipients(w.recipient)
	if err != nil {
		return err
	}
	w.note("backup")
	if _, err := w.repo.Backup(context.Background(), w.source(), backup.Options{Recipients: to}); err != nil {
		return err
	}
	w.snap = &saved{len(w.said), maps.Clone(w.holds), slices.Clone(w.waiting)}
	return nil
}

// restore goes on from the latest backup, in another directory and with the same repository, in which the lost history goes on to
// list what it erased, at positions that are given anew. What was erased since is erased again, whatever is held there: the release of a
// hold may be among what is lost.
func (w *world) restore() error {
	if w.snap == nil {
		return nil
	}
	w.note("restore")
	ctx := context.Background()
	to, err := backup.ParseRecipients(w.recipient)
	if err != nil {
		return err
	}
	last, err := w.journal.Reader().Last(ctx)
	if err != nil {
		return err
	}
	if _, err := w.repo.ListErasures(ctx, w.source(), to, 0, last); err != nil {
		return err
	}
	master, err := keyring.Text(keyring.Config{DataDir: w.dir})
	if err != nil {
		return err
	}
	identities, err := backup.ReadIdentities(w.identity)
	if err != nil {
		return err
	}
	if err := w.close(); err != nil {
		return err
	}
	w.spine.close = func() error { return nil }
	dir := w.t.TempDir()
	done, err := w.repo.Restore(ctx, dir, backup.RestoreOptions{Identities: identities, Master: master, AcceptLoss: true})
	if err != nil {
		return err
	}
	s, err := newSpine(dir, w.classes)
	if err != nil {
		return err
	}
	s.now, s.said = w.now, w.spine.said
	w.spine = s
	if _, err := backup.Again(ctx, s.eraser, s.journal.Reader(), done.Erasures, audit.Identity{OSUser: "otto"}); err != nil {
		return err
	}
	w.said, w.holds, w.waiting = w.said[:w.snap.said], maps.Clone(w.snap.holds), slices.Clone(w.snap.waiting)
	var first uint64
	if n := len(w.said); n > 0 {
		first = w.said[n-1].seq
	}
	maps.DeleteFunc(w.gone, func(seq uint64, _ bool) bool { return seq > first })
	if err := w.forget(); err != nil {
		return err
	}
	w.earlier = nil // of the lost history
	return nil
}

// forget forgets what only lost records referred to: delivered again it is new. What no record that is left needs, a restore may
// erase with those that went.
func (w *world) forget() error {
	left, needed := make(map[block]bool), make(map[block]bool)
	for _, d := range w.said {
		for _, b := range blocks(d) {
			left[b] = true
			needed[b] = needed[b] || !w.gone[d.seq]
		}
	}
	maps.DeleteFunc(w.erased, func(b block, _ bool) bool { return !left[b] })
	for b := range left {
		state, err := w.content.Reader().State(context.Background(), b.container, b.address)
		if err != nil {
			return err
		}
		if state == content.Erased && !needed[b] {
			w.erased[b] = true
		}
	}
	return nil
}
