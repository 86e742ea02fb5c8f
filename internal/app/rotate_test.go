package app_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// TestRotateMasterCutShort: whatever a crash leaves of a change of the master key, the next start has one that opens everything,
// and what follows from the first one is as it was.
func TestRotateMasterCutShort(t *testing.T) {
	ctx := context.Background()
	for name, steps := range map[string]int{"derived keys sealed": 1, "next key put": 2, "rewrapped": 3, "renamed": 4, "whole": 5} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := serve(t, capturing(dir))
			if code := s.post(t, "", export); code != http.StatusOK {
				t.Fatal(code)
			}
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			load := func() *keyring.Keyring {
				t.Helper()
				k, err := keyring.Load(keyring.Config{DataDir: dir})
				if err != nil {
					t.Fatal(err)
				}
				return k
			}
			old := load()
			text, err := keyring.Random()
			if err != nil {
				t.Fatal(err)
			}
			next, err := keyring.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range []func() error{
				func() error { return keyring.SealDerived(ctx, dir, old, old, next) },
				func() error { return keyring.PutNext(dir, text) },
				func() error { _, err := content.Rewrap(ctx, dir, old, next); return err },
				func() error { return keyring.SettleNext(dir, true) },
				func() error { return keyring.SealDerived(ctx, dir, old, next) },
			}[:steps] {
				if err := step(); err != nil {
					t.Fatal(err)
				}
			}
			again := serve(t, capturing(dir))
			if code := again.post(t, "", exportOf("s-2")); code != http.StatusOK {
				t.Fatal(code)
			}
			for _, f := range app.CheckKeys(ctx, dir) {
				if !f.OK {
					t.Errorf("%+v", f)
				}
			}
			if now := load(); now.IDKey() != old.IDKey() || now.GatewayKey() != old.GatewayKey() || now.StateKey() != old.StateKey() {
				t.Error("what follows from the first master key is another")
			}
			if _, ok, err := keyring.Next(dir); ok || err != nil {
				t.Errorf("the next key is left, %v", err)
			}
			if _, blocks := states(t, dir); blocks[content.Held] < 2 || blocks[content.Missing]+blocks[content.Erased] > 0 {
				t.Errorf("blocks %v", blocks)
			}
		})
	}
}
