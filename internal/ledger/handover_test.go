package ledger

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

func emptyJournal(t *testing.T, dir string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(context.Background(), dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

// TestRotateCutShort: whatever a crash leaves of a hand-over, the next start either completes it or knows nothing of it.
func TestRotateCutShort(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	names := []string{keyFile, pubFile, nextKeyFile, checkpointFile, handOverFile(0)}
	// The states of a directory after each write, taken from a disk that stops there.
	for cut := 1; ; cut++ {
		dir := t.TempDir()
		j := emptyJournal(t, dir)
		if _, err := Open(ctx, dir, Options{Journal: j.Reader(), Origin: "example.test/log"}); err != nil {
			t.Fatal(err)
		}
		old, err := ReadKey(dir)
		if err != nil {
			t.Fatal(err)
		}
		h := tiles.HandOver{Key: old}
		whole := rotateUpTo(t, dir, j, cut, &h)
		if _, err := Open(ctx, dir, Options{Journal: j.Reader()}); err != nil {
			t.Fatalf("cut after %d writes: %v", cut, err)
		}
		now, err := ReadKey(dir)
		if err != nil || now != old && now != h.Next {
			t.Fatalf("cut after %d writes: the key is %s, %v", cut, now, err)
		}
		if err := CheckKey(dir); err != nil {
			t.Errorf("cut after %d writes: %v", cut, err)
		}
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(nextKeyFile))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("cut after %d writes: %s is left", cut, nextKeyFile)
		}
		r, err := Verify(ctx, VerifyOptions{Dir: dir, Journal: j.Reader(), Key: old})
		if err != nil || !r.Verified {
			t.Errorf("cut after %d writes: %+v, %v", cut, r, err)
		}
		if whole {
			if now == old {
				t.Error("nothing was handed over")
			}
			if cut < len(names) {
				t.Errorf("only %d writes", cut)
			}
			return
		}
	}
}

var errCut = errors.New("cut")

// cutDisk stops after so many renames.
type cutDisk struct {
	osDisk
	left *int
}

func (d cutDisk) rename(from, to string) error {
	if *d.left--; *d.left < 0 {
		return errCut
	}
	return d.osDisk.rename(from, to)
}

func rotateUpTo(t *testing.T, dir string, j *journal.Journal, cut int, h *tiles.HandOver) (whole bool) {
	t.Helper()
	left := cut
	got, err := rotateOn(context.Background(), cutDisk{osDisk(dir), &left}, dir, j.Reader())
	if err != nil && !errors.Is(err, errCut) {
		t.Fatal(err)
	}
	*h = got
	return err == nil
}

// TestHandOverForged: nobody hands over but who holds the key, and nobody takes over without showing that they hold the new one.
func TestHandOverForged(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dir := t.TempDir()
	j := emptyJournal(t, dir)
	if _, err := Open(ctx, dir, Options{Journal: j.Reader(), Origin: "example.test/log"}); err != nil {
		t.Fatal(err)
	}
	old, _ := ReadKey(dir)
	first, err := Rotate(ctx, dir, j.Reader())
	if err != nil {
		t.Fatal(err)
	}
	second, err := Rotate(ctx, dir, j.Reader())
	if err != nil || first.Next != second.Key || first.Key != old {
		t.Fatalf("%+v, %+v, %v", first, second, err)
	}
	list, err := HandOvers(dir)
	if err != nil || len(list) != 2 {
		t.Fatal(list, err)
	}
	for held, key := range []string{old, first.Next, second.Next} {
		if c := tiles.NewChain(key, list); len(c.Keys) != 3 || len(c.Links) != 2 || c.Keys[2] != second.Next || c.Held != held {
			t.Errorf("from key %d: %+v", held, c)
		}
	}
	for i := range strings.Index(list[0], "\n\n") {
		bad := list[0][:i] + string(list[0][i]^1) + list[0][i+1:]
		if _, err := tiles.ParseHandOver([]byte(bad)); err == nil {
			t.Fatalf("byte %d flipped, and nobody noticed", i)
		}
	}
	lines := strings.SplitAfter(list[0], "\n")
	for drop := 7; drop < len(lines)-1; drop++ {
		if _, err := tiles.ParseHandOver([]byte(strings.Join(lines[:drop], "") + strings.Join(lines[drop+1:], ""))); err == nil {
			t.Errorf("without the signature %q", lines[drop])
		}
	}
}

func FuzzHandOver(f *testing.F) {
	f.Add([]byte("tripod-handover/v1\nexample.test/log\nexample.test/log+00000000+AA\nexample.test/log+00000001+AA\n3\nAAAA\n\n— example.test/log AAAAAAAA\n"))
	f.Add([]byte("tripod-handover/v1" + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := tiles.ParseHandOver(b)
		if err == nil && !strings.HasPrefix(string(b), h.Text()) {
			t.Errorf("read %+v of %q", h, b)
		}
	})
}
