package content

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// TestRenew: under new data keys everything opens at its address; an older copy of the content file is missing then, and was
// never erased.
func TestRenew(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	a := put(t, s, "one", "first", "second")
	b := put(t, s, "two", "third")
	stop()
	older, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	s, stop = start(t, dir, testOptions(t))
	before, err := s.Reader().WrappedKeys(ctx, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(ctx, "one"); err != nil {
		t.Fatal(err)
	}
	if err := s.Renew(ctx, "none"); err != nil {
		t.Fatal(err)
	}
	wantOpen(t, s.Reader(), "one", a[0], "first")
	wantOpen(t, s.Reader(), "one", a[1], "second")
	wantOpen(t, s.Reader(), "two", b[0], "third")
	put(t, s, "one", "fourth")
	stop()
	for _, name := range []string{filepath.Join(keyring.Dir, keyring.WrapFile), filepath.Join(keyring.Dir, keyring.WrapFile) + "-wal"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && bytes.Contains(text, before[0].Wrapped) {
			t.Errorf("the old key is still in %s", name)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), older, 0o600); err != nil {
		t.Fatal(err)
	}
	s, _ = start(t, dir, testOptions(t))
	for _, address := range a {
		if state, err := s.Reader().State(ctx, "one", address); err != nil || state != Missing {
			t.Errorf("a block of the older copy is %s, %v", state, err)
		}
	}
	wantOpen(t, s.Reader(), "two", b[0], "third")
}

// TestRewrap: all keys are under the new master key and none under the old.
func TestRewrap(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	a := put(t, s, "one", "first")
	put(t, s, "two", "second")
	if err := s.EraseContainer(ctx, "two"); err != nil {
		t.Fatal(err)
	}
	stop()
	next, err := keyring.New(bytes.Repeat([]byte{8}, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Rewrap(ctx, dir, testKeyring(t), next); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	if _, err := Rewrap(ctx, dir, testKeyring(t), next); err == nil {
		t.Error("the old master key still rewraps")
	}
	if _, err := Open(ctx, dir, testOptions(t)); err == nil {
		t.Error("the old master key still opens the store")
	}
	if n, bad, err := Unwrappable(ctx, dir, next); n != 1 || bad != 0 || err != nil {
		t.Error(n, bad, err)
	}
	opts := testOptions(t)
	opts.Keyring = next
	s, _ = start(t, dir, opts)
	wantOpen(t, s.Reader(), "one", a[0], "first")
	if state, err := s.Reader().State(ctx, "one", a[0]); err != nil || state != Held {
		t.Error(state, err)
	}
}
