package retention_test

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"testing"

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

// TestRestoreOfRestore: what a lost history erased is erased again once. What is delivered to the same container afterwards, at
// positions that the lost history had given already, stays through every later restore; what is erased then does not come back.
func TestRestoreOfRestore(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t, 1)
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	say := func(container, text string) said1 {
		t.Helper()
		d, err := w.deliver(said1{container: container, email: "dana@example.com", source: audit.SourceOTelLog, texts: []string{text}})
		must(err)
		w.said = append(w.said, d)
		return d
	}
	want := func(what string, d said1, want string) {
		t.Helper()
		if got, err := w.state(d); err != nil || got != want {
			t.Errorf("%s: record %d is %q, want %q, %v", what, d.seq, got, want, err)
		}
	}
	first, other := say("session/-/a", "first"), say("session/-/b", "other")
	must(w.backup())
	for range 12 {
		say("session/-/c", "lost")
	}
	_, err := w.eraser.Container(ctx, "session/-/a", asked)
	must(err)
	lost := say("session/-/b", "other") // shares its block with a record that is in the backup
	_, err = w.eraser.Record(ctx, lost.seq, asked)
	must(err)

	must(w.restore())
	want("erased as a whole", first, string(content.Erased))
	want("shared with what is lost", other, string(content.Erased))
	second := say("session/-/a", "second")
	must(w.backup())

	must(w.restore())
	want("delivered since", second, string(content.Held))
	third := say("session/-/a", "third")
	must(w.backup())
	_, err = w.eraser.Record(ctx, second.seq, asked)
	must(err)

	must(w.restore())
	want("erased after the second restore", second, "tombstone "+string(content.Erased))
	want("delivered after the second restore", third, string(content.Held))
	want("erased at first", first, string(content.Erased))
	must(w.prove())
}
