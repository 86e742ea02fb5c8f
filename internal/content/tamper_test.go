package content

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/health"
)

func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	s, stop := start(t, base, testOptions(t))
	one := put(t, s, "one", "first text", "second text", sentence(1)+sentence(2)+sentence(3))
	two := put(t, s, "two", "third text", sentence(4))
	bodies := make([][]byte, len(one))
	for i := range one {
		if err := s.reader.content.QueryRow("SELECT body FROM blocks WHERE id = ?", i+1).Scan(&bodies[i]); err != nil {
			t.Fatal(err)
		}
	}
	var wrapped []byte
	if err := s.reader.keys.QueryRow("SELECT wrapped FROM keys WHERE id = 1").Scan(&wrapped); err != nil {
		t.Fatal(err)
	}
	stop()
	f := func(name, file, query string, container string, a Address, want error, args ...any) {
		t.Helper()
		dir := copyDir(t, base)
		exec(t, filepath.Join(dir, file), query, args...)
		r, err := OpenReader(context.Background(), dir, testOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := r.Open(context.Background(), anyGrant(t), container, a); !errors.Is(err, want) || got != nil {
			t.Errorf("%s: %q, %v, want %v", name, got, err, want)
		}
	}
	const content, keys = "content.db", "keys/containers.db"
	flipped := func(file, query string, id int, b []byte, every int, a Address) {
		t.Helper()
		dir := copyDir(t, base)
		r, err := OpenReader(context.Background(), dir, testOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for o := 0; o < len(b); o += every {
			bad := bytes.Clone(b)
			bad[o] ^= 0x20
			exec(t, filepath.Join(dir, file), query, bad, id)
			wantErr(t, r, "one", a, ErrMismatch)
		}
		exec(t, filepath.Join(dir, file), query, b, id)
		if _, err := r.Open(context.Background(), anyGrant(t), "one", a); err != nil {
			t.Errorf("back as it was: %v", err)
		}
	}
	for i, body := range bodies {
		flipped(content, "UPDATE blocks SET body = ? WHERE id = ?", i+1, body, 1+i*4, one[i])
	}
	flipped(keys, "UPDATE keys SET wrapped = ? WHERE id = ?", 1, wrapped, 2, one[0])
	f("cut", content, "UPDATE blocks SET body = substr(body, 1, 10) WHERE id = 1", "one", one[0], ErrMismatch)
	f("longer", content, "UPDATE blocks SET body = CAST(body || x'00' AS BLOB) WHERE id = 1", "one", one[0], ErrMismatch)
	f("empty", content, "UPDATE blocks SET body = x'' WHERE id = 1", "one", one[0], ErrMismatch)
	f("deleted", content, "DELETE FROM blocks WHERE id = 1", "one", one[0], ErrMissing)
	f("swapped inside a container", content, "UPDATE addresses SET block = CASE block WHEN 1 THEN 2 WHEN 2 THEN 1 ELSE block END", "one", one[0], ErrMismatch)
	f("swapped between containers", content, "UPDATE addresses SET block = CASE block WHEN 1 THEN 4 WHEN 4 THEN 1 ELSE block END", "one", one[0], ErrMismatch)
	f("swapped between containers", content, "UPDATE addresses SET block = CASE block WHEN 1 THEN 4 WHEN 4 THEN 1 ELSE block END", "two", two[0], ErrMismatch)
	f("moved to another container", content, "UPDATE addresses SET key_id = 3 - key_id", "one", two[0], ErrMismatch)
	f("key of another container", keys, "UPDATE keys SET container = CASE container WHEN 'one' THEN 'two' ELSE 'one' END", "two", one[0], ErrMismatch)
	f("wrapped key swapped", keys, "UPDATE keys SET wrapped = (SELECT wrapped FROM keys k WHERE k.id = 3 - keys.id)", "one", one[0], ErrMismatch)
	f("another address with the same beginning", content, "DELETE FROM blocks WHERE id = 2", "one", otherEnd(one[0]), ErrMismatch)
	f("wrapped key lost", keys, "DELETE FROM keys WHERE id = 1", "one", one[0], ErrMissing)
}

func otherEnd(a Address) Address {
	if strings.HasSuffix(a, "0") {
		return a[:63] + "1"
	}
	return a[:63] + "0"
}

// A damaged block must not stop the erasure of another, nor pass for erased.
func TestErasureMeetsDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	a := put(t, s, "c", "erase me", "damaged", "whole")
	stop()
	exec(t, filepath.Join(dir, "content.db"), "UPDATE blocks SET body = (SELECT body FROM blocks WHERE id = 3) WHERE id = 2")
	opts := testOptions(t)
	s, _ = start(t, dir, opts)
	if err := s.EraseBlock(context.Background(), "c", a[0]); err != nil {
		t.Fatal(err)
	}
	wantState(t, s.Reader(), "c", a[0], Erased)
	wantState(t, s.Reader(), "c", a[1], Missing)
	wantOpen(t, s.Reader(), "c", a[2], "whole")
	if !raised(opts.Health, conditionDamaged) {
		t.Error("the damage was not reported")
	}
}

func raised(r *health.Registry, code string) bool {
	for _, c := range r.Conditions() {
		if c.Code == code {
			return true
		}
	}
	return false
}

// Nothing that was put may appear in a file, a log, a condition or an error, in any of the usual spellings.
func TestCanaryAppearsNowhere(t *testing.T) {
	t.Parallel()
	const canary = "canary-9c41e7d2"
	dir := t.TempDir()
	var log bytes.Buffer
	opts := testOptions(t)
	opts.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, stop := start(t, dir, opts)
	ctx := context.Background()
	var texts []string
	for _, n := range []int{0, 1, 3, 10, 100, 5000, 200000} {
		texts = append(texts, canary+strings.Repeat("-", n), strings.Repeat(canary, n))
	}
	a := put(t, s, "c", texts...)
	var out strings.Builder
	check := func(when string) {
		t.Helper()
		files := rawFiles(t, dir)
		files["log"], files["errors"], files["health"] = log.Bytes(), []byte(out.String()), []byte(fmt.Sprint(opts.Health.Conditions()))
		for name, b := range files {
			for _, spelling := range []string{canary, strings.ToUpper(canary), hex.EncodeToString([]byte(canary)), "canary", "9c41e7d2"} {
				if bytes.Contains(b, []byte(spelling)) {
					t.Errorf("%s %q is in %s", when, spelling, name)
				}
			}
		}
	}
	check("after put")
	if _, err := s.Reader().Open(ctx, Grant{}, "c", a[0]); err != nil {
		out.WriteString(err.Error())
	}
	if err := s.EraseBlock(ctx, "c", a[3]); err != nil {
		t.Fatal(err)
	}
	check("after an erasure")
	s.maxBlock = 10
	_, err := s.Put(ctx, []Block{{"c", []byte(canary)}})
	fmt.Fprint(&out, err, Block{"c", nil}, anyGrant(t))
	stop()
	check("after the end")
}
