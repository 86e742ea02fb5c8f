package keyring_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/keyring"
)

func master(b byte) []byte { return bytes.Repeat([]byte{b}, keyring.KeySize) }

func ring(t *testing.T, b byte) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(master(b))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWrap(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	a, b := ring(t, 1), ring(t, 2)
	key, purpose := master(7), []byte("container 1")
	w, err := a.Wrap(ctx, key, purpose)
	if err != nil {
		t.Fatal(err)
	}
	if len(w) != keyring.KeySize+keyring.Overhead || bytes.Contains(w, key) {
		t.Fatalf("wrapped to %d bytes, with the key in it: %v", len(w), bytes.Contains(w, key))
	}
	again, _ := a.Wrap(ctx, key, purpose)
	if bytes.Equal(w, again) {
		t.Error("wrapping twice gave the same bytes")
	}
	got, err := a.Unwrap(ctx, w, purpose)
	if err != nil || !bytes.Equal(got, key) {
		t.Fatalf("unwrap: %x, %v", got, err)
	}
	f := func(name string, k *keyring.Keyring, wrapped, purpose []byte) {
		t.Helper()
		if got, err := k.Unwrap(ctx, wrapped, purpose); !errors.Is(err, keyring.ErrUnwrap) || got != nil {
			t.Errorf("%s: got %x, %v, want ErrUnwrap", name, got, err)
		}
	}
	f("another master key", b, w, purpose)
	f("another purpose", a, w, []byte("container 2"))
	f("cut", a, w[:len(w)-1], purpose)
	f("empty", a, nil, purpose)
	for i := range w {
		bad := bytes.Clone(w)
		bad[i] ^= 1
		f(fmt.Sprintf("byte %d flipped", i), a, bad, purpose)
	}
}

// The id key is part of what ids of stored records rest on: this value may never change.
func TestIDKeyIsStable(t *testing.T) {
	t.Parallel()
	got := ring(t, 1).IDKey()
	const want = "adbbaa9a6590bba815be88294cca5a321c8ebcde816c41d60d6d77000314ac9e"
	if hex.EncodeToString(got[:]) != want {
		t.Errorf("id key = %x, want %s", got, want)
	}
	if other := ring(t, 2).IDKey(); other == got {
		t.Error("two master keys have one id key")
	}
}

func TestLoadCreatesOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := keyring.Load(keyring.Config{DataDir: dir}); !errors.Is(err, keyring.ErrMissing) {
		t.Fatalf("without Create: %v, want ErrMissing", err)
	}
	first, err := keyring.Load(keyring.Config{DataDir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	second, err := keyring.Load(keyring.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if first.IDKey() != second.IDKey() {
		t.Error("the second start has another key")
	}
	for path, want := range map[string]os.FileMode{"keys": 0o700, "keys/master.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
	entries, _ := os.ReadDir(filepath.Join(dir, "keys"))
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestLoadConcurrentlyYieldsOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { _, _ = keyring.Load(keyring.Config{DataDir: dir, Create: true}) })
	}
	wg.Wait()
	a, errA := keyring.Load(keyring.Config{DataDir: dir})
	b, errB := keyring.Load(keyring.Config{DataDir: dir, Create: true})
	if errA != nil || errB != nil || a.IDKey() != b.IDKey() {
		t.Fatalf("after the race: %v, %v", errA, errB)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	hexKey := hex.EncodeToString(master(3))
	file := func(t *testing.T, dir, name, text string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	f := func(name string, prepare func(t *testing.T, dir string) map[string]string, wantErr string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			env := prepare(t, dir)
			k, err := keyring.Load(keyring.Config{DataDir: dir, Create: true, Getenv: func(n string) string { return env[n] }})
			if wantErr == "" {
				if err != nil || k.IDKey() != ring(t, 3).IDKey() {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Fatalf("error %v, want %q", err, wantErr)
			}
			if strings.Contains(err.Error(), hexKey[:8]) {
				t.Fatalf("the key is in the error: %v", err)
			}
		})
	}
	f("hex", func(*testing.T, string) map[string]string { return map[string]string{keyring.EnvKey: hexKey} }, "")
	f("base64", func(*testing.T, string) map[string]string {
		return map[string]string{keyring.EnvKey: base64.StdEncoding.EncodeToString(master(3))}
	}, "")
	f("file", func(t *testing.T, dir string) map[string]string {
		return map[string]string{keyring.EnvFile: file(t, dir, "elsewhere", hexKey+"\n", 0o600)}
	}, "")
	f("data directory", func(t *testing.T, dir string) map[string]string {
		file(t, dir, "keys/master.key", hexKey, 0o400)
		return nil
	}, "")
	f("both", func(*testing.T, string) map[string]string {
		return map[string]string{keyring.EnvKey: hexKey, keyring.EnvFile: "x"}
	}, "keep one")
	f("open file", func(t *testing.T, dir string) map[string]string {
		return map[string]string{keyring.EnvFile: file(t, dir, "elsewhere", hexKey, 0o644)}
	}, "chmod 600")
	f("open file in the data directory", func(t *testing.T, dir string) map[string]string {
		file(t, dir, "keys/master.key", hexKey, 0o640)
		return nil
	}, "chmod 600")
	f("short", func(*testing.T, string) map[string]string { return map[string]string{keyring.EnvKey: hexKey[:62]} }, "64 hex digits")
	f("kms", func(*testing.T, string) map[string]string {
		return map[string]string{keyring.EnvKey: "awskms://alias/x"}
	}, "not supported yet")
	f("wrapped keys without a master key", func(t *testing.T, dir string) map[string]string {
		file(t, dir, "keys/containers.db", "x", 0o600)
		return nil
	}, "restore")
}

func TestNeverPrints(t *testing.T) {
	t.Parallel()
	k := ring(t, 9)
	id := k.IDKey()
	around := struct {
		Keys  *keyring.Keyring
		inner *keyring.Keyring
	}{k, k}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "keys", k, "around", around)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "keys", k, "around", around)
	out := fmt.Sprintf("%v %+v %#v %x %s %v %+v", k, k, k, k, k, around, around) + log.String()
	for _, key := range [][]byte{id[:], master(9)} {
		if strings.Contains(out, hex.EncodeToString(key)) || strings.Contains(out, fmt.Sprint(key)) || strings.Contains(out, string(key)) {
			t.Errorf("a key is in %s", out)
		}
	}
}
