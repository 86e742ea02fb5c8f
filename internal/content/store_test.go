package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tripod-audit/tripod/internal/keyring"
)

func TestPutAndOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	texts := []string{"", "a", "yes", sentence(1), strings.Repeat("long ", 5000), string(bytes.Repeat([]byte{0, 255}, 40)), strings.Repeat("x", 1<<20)}
	addresses := put(t, s, "chat-1", texts...)
	for i, a := range addresses {
		wantOpen(t, s.Reader(), "chat-1", a, texts[i])
		wantState(t, s.Reader(), "chat-1", a, Held)
		wantState(t, s.Reader(), "chat-2", a, Missing)
		wantErr(t, s.Reader(), "chat-2", a, ErrMissing)
	}
	if got := put(t, s, "chat-1"); len(got) != 0 {
		t.Errorf("putting nothing gave %v", got)
	}
	stop()
	again, _ := start(t, dir, testOptions(t))
	for i, a := range put(t, again, "chat-1", texts...) {
		if a != addresses[i] {
			t.Errorf("after a restart block %d has another address", i)
		}
		wantOpen(t, again.Reader(), "chat-1", a, texts[i])
	}
}

func TestOddDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b%20c?mode=memory#&d")
	s, _ := start(t, dir, testOptions(t))
	a := put(t, s, "c", "text")
	r, err := OpenReader(t.Context(), dir, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	wantOpen(t, r, "c", a[0], "text")
	if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
		t.Error(err)
	}
}

func TestPutKeepsOrderAcrossContainers(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	var blocks []Block
	for i := range 300 {
		blocks = append(blocks, Block{fmt.Sprintf("c%d", i%7), []byte(sentence(i % 50))})
	}
	addresses, err := s.Put(context.Background(), blocks)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range addresses {
		wantOpen(t, s.Reader(), blocks[i].Container, a, string(blocks[i].Plaintext))
	}
}

func TestEqualBlocks(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	a := put(t, s, "one", "the same", "the same", "other")
	b := put(t, s, "one", "other", "the same")
	c := put(t, s, "two", "the same")
	if a[0] != a[1] || a[0] != b[1] || a[2] != b[0] {
		t.Error("equal blocks of one container have different addresses")
	}
	if a[0] == c[0] {
		t.Error("equal blocks of two containers share an address")
	}
	if n := count(t, s, "SELECT count(*) FROM blocks"); n != 3 {
		t.Errorf("%d blocks stored, want 3", n)
	}
	s.held = newHeld() // a cold cache finds them in the file
	d := put(t, s, "one", "the same", "new", "other")
	if d[0] != a[0] || d[2] != a[2] {
		t.Error("addresses changed")
	}
	if n := count(t, s, "SELECT count(*) FROM blocks"); n != 4 {
		t.Errorf("%d blocks stored, want 4", n)
	}
}

func count(t testing.TB, s *Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.reader.content.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Equal plaintexts in many containers must have nothing in common in the files: neither addresses nor bodies.
func TestContainersCannotBeLinked(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	for i := range 20 {
		put(t, s, fmt.Sprintf("c%d", i), sentence(1))
	}
	for _, column := range []string{"address FROM addresses", "substr(address, 1, 4) FROM addresses", "body FROM blocks", "substr(body, 5, 8) FROM blocks"} {
		if n := count(t, s, "SELECT count(*) FROM (SELECT DISTINCT "+column+")"); n != 20 {
			t.Errorf("%s: %d different values, want 20", column, n)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	t.Parallel()
	opts := testOptions(t)
	opts.MaxBlock = 100
	s, _ := start(t, t.TempDir(), opts)
	f := func(b Block, want error) {
		t.Helper()
		_, err := s.Put(context.Background(), []Block{{"c", []byte("good")}, b})
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("put %d bytes in %.10q: %v, want %v", len(b.Plaintext), b.Container, err, want)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("content in the error: %v", err)
		}
	}
	f(Block{"c", []byte(strings.Repeat("canary", 17))}, ErrTooLarge)
	f(Block{"", []byte("canary")}, nil)
	f(Block{strings.Repeat("c", MaxContainerName+1), []byte("canary")}, nil)
	if n := count(t, s, "SELECT count(*) FROM blocks"); n != 0 {
		t.Errorf("%d blocks of refused puts stored", n)
	}
	put(t, s, strings.Repeat("c", MaxContainerName), strings.Repeat("x", 100))
}

func TestClosed(t *testing.T) {
	t.Parallel()
	s, stop := start(t, t.TempDir(), testOptions(t))
	put(t, s, "c", "x")
	stop()
	if _, err := s.Put(context.Background(), []Block{{"c", []byte("x")}}); err != nil {
		t.Errorf("a held block needs no writer: %v", err)
	}
	if err := s.EraseContainer(context.Background(), "c"); !errors.Is(err, ErrClosed) {
		t.Errorf("erase after the end: %v, want ErrClosed", err)
	}
	if err := s.Run(context.Background()); err == nil {
		t.Error("ran twice")
	}
}

func TestPutHonoursContext(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), t.TempDir(), testOptions(t)) // nobody runs it
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		_, err := s.Put(ctx, []Block{{"c", []byte("x")}})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want canceled", err)
	}
}

// Puts that wait when the context ends are served before Run returns.
func TestRunDrains(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(context.Background(), dir, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	waiting := make(chan struct{}, 16)
	results := make(chan Address, 16)
	for i := range 16 {
		wg.Go(func() {
			waiting <- struct{}{}
			if a, err := s.Put(context.Background(), []Block{{"c", []byte(sentence(i))}}); err == nil {
				results <- a[0]
			} else if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		})
	}
	for range 16 {
		<-waiting
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	close(results)
	for a := range results {
		wantState(t, s.Reader(), "c", a, Held)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestConcurrentPuts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, dir, testOptions(t))
	reader, err := OpenReader(context.Background(), dir, testOptions(t)) // as another process has it
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	const callers, rounds = 8, 8
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for round := range rounds {
				var blocks []Block
				for i := range 10 {
					blocks = append(blocks, Block{"shared", []byte(sentence(round*10 + i))}, Block{fmt.Sprint("own", c), []byte(sentence(i))})
				}
				addresses, err := s.Put(context.Background(), blocks)
				if err != nil {
					t.Error(err)
					return
				}
				for i, a := range addresses {
					got, err := reader.Open(context.Background(), anyGrant(t), blocks[i].Container, a)
					if err != nil || !bytes.Equal(got, blocks[i].Plaintext) {
						t.Errorf("another handle reads %q, %v", got, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if n, want := count(t, s, "SELECT count(*) FROM blocks"), rounds*10+callers*10; n != want {
		t.Errorf("%d blocks, want %d", n, want)
	}
	if n, want := count(t, s, "SELECT count(DISTINCT key_id) FROM addresses"), callers+1; n != want {
		t.Errorf("%d keys, want %d", n, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	if _, err := OpenReader(ctx, dir, testOptions(t)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reader of nothing: %v", err)
	}
	s, stop := start(t, dir, testOptions(t))
	a := put(t, s, "c", "text")
	stop()
	for name, mode := range map[string]os.FileMode{"content.db": 0o600, "keys/containers.db": 0o600, "keys": 0o700} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("mode of %s: %v, %v, want %v", name, info.Mode().Perm(), err, mode)
		}
	}
	other, err := keyring.New(bytes.Repeat([]byte{8}, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, dir, Options{Keyring: other}); !errors.Is(err, ErrWrongKey) {
		t.Errorf("another master key: %v, want ErrWrongKey", err)
	}
	if _, err := Open(ctx, dir, Options{}); err == nil {
		t.Error("opened without a keyring")
	}
	reader, err := OpenReader(ctx, dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, reader, "c", a[0], Held)
	if _, err := reader.Open(ctx, anyGrant(t), "c", a[0]); err == nil {
		t.Error("opened without a master key")
	}
	for _, bad := range []Address{"", "zz", a[0][:63], a[0] + "0", strings.ToUpper(a[0]), strings.Repeat("g", 64)} {
		if _, err := reader.State(ctx, "c", bad); err == nil {
			t.Errorf("address %q was taken", bad)
		}
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"content.db", "keys/containers.db"} {
		copied := copyDir(t, dir)
		exec(t, filepath.Join(copied, file), "PRAGMA user_version = 99")
		if _, err := Open(ctx, copied, testOptions(t)); !errors.Is(err, ErrNewer) {
			t.Errorf("open a newer %s: %v, want ErrNewer", file, err)
		}
		if _, err := OpenReader(ctx, copied, testOptions(t)); !errors.Is(err, ErrNewer) {
			t.Errorf("read a newer %s: %v, want ErrNewer", file, err)
		}
	}
}

// A key file from an older backup must not lead to ids being used again.
func TestKeyIDsAreNeverUsedAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	put(t, s, "early", "text")
	stop()
	old := copyDir(t, dir)
	s, stop = start(t, dir, testOptions(t))
	late := put(t, s, "late", "text")
	stop()
	for _, ext := range []string{"", "-wal", "-shm"} {
		path := filepath.Join("keys", "containers.db"+ext)
		_ = os.Remove(filepath.Join(dir, path))
		if b, err := os.ReadFile(filepath.Join(old, path)); err == nil {
			if err := os.WriteFile(filepath.Join(dir, path), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	opts := testOptions(t)
	s, _ = start(t, dir, opts)
	if !raised(opts.Health, conditionDamaged) {
		t.Error("the older key file was not reported")
	}
	wantState(t, s.Reader(), "late", late[0], Missing) // its key is lost, and nobody erased it
	again := put(t, s, "late", "text")
	wantOpen(t, s.Reader(), "late", again[0], "text")
	if n := count(t, s, "SELECT count(DISTINCT key_id) FROM addresses"); n != 3 {
		t.Errorf("%d key ids, want 3", n)
	}
}
