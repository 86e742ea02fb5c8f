package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Damage of every kind is found, located, and does not hide what stands around it.
func TestScanLocatesDamage(t *testing.T) {
	t.Parallel()
	f := func(name, damage string, want ...string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			j, stop := start(t, dir, Options{})
			for i := 1; i <= 50; i += 10 {
				mustAppend(t, j, entries(i, 10)...)
			}
			if _, err := j.writer.conn.ExecContext(t.Context(), damage); err != nil {
				t.Fatal(err)
			}
			stop()
			got, good := damages(t, openTestReader(t, dir))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if good == 0 {
				t.Error("nothing was readable any more")
			}
		})
	}
	f("none", "SELECT 1")
	f("frame cut", "UPDATE frames SET frame = substr(frame, 1, 20) WHERE first = 11", "11-20")
	f("frame emptied", "UPDATE frames SET frame = x'' WHERE first = 1", "1-10")
	f("chunk flipped", "UPDATE frames SET frame = CAST(substr(frame, 1, 40) || x'ff' || substr(frame, 42) AS BLOB) WHERE first = 21", "21-30")
	f("frame of another row", "UPDATE frames SET frame = (SELECT frame FROM frames AS o WHERE o.first = 31) WHERE first = 21", "21-30")
	f("row deleted", "DELETE FROM frames WHERE first = 31", "31-40")
	f("rows deleted", "DELETE FROM frames WHERE first BETWEEN 11 AND 31", "11-40")
	f("first row deleted", "DELETE FROM frames WHERE first = 1", "1-10")
	f("row moved on", "UPDATE frames SET first = 12 WHERE first = 11", "11-11", "12-20")
	f("count too small", "UPDATE frames SET count = 5 WHERE first = 11", "11-15", "16-20")
	f("count too large", "UPDATE frames SET count = 900 WHERE first = 11", "11-20")
	f("count negative", "UPDATE frames SET count = -3 WHERE first = 11", "11-11", "12-20")
	f("salt deleted", "DELETE FROM salts WHERE seq = 23", "23-23")
	f("salt cut", "UPDATE salts SET salt = substr(salt, 1, 15) WHERE seq IN (1, 50)", "1-1", "50-50")
	f("salt zeroed", "UPDATE salts SET salt = zeroblob(16) WHERE seq = 30", "30-30")
	f("salts deleted", "DELETE FROM salts WHERE seq BETWEEN 18 AND 22", "18-18", "19-19", "20-20", "21-21", "22-22")
}

// damages scans a journal and lists what is damaged, and how many records were not.
func damages(tb testing.TB, r *Reader) (list []string, good int) {
	tb.Helper()
	next := uint64(1)
	for s, err := range r.Scan(tb.Context(), 1, 0) {
		var c *CorruptError
		switch {
		case errors.As(err, &c):
			if c.First != next || s.Seq != next || c.Error() == "" {
				tb.Errorf("damage at %d, want %d: %v", c.First, next, c)
			}
			next += c.Count
			list = append(list, fmt.Sprintf("%d-%d", c.First, c.First+c.Count-1))
		case err != nil:
			tb.Fatal(err)
		default:
			if s.Seq != next {
				tb.Errorf("seq %d, want %d", s.Seq, next)
			}
			next++
			good++
		}
	}
	return list, good
}

// A page of the file that SQLite itself cannot follow: the rows around it are still read.
func TestScanGoesOnBehindABrokenPage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	all := corpus(t, 5, 900)
	for i := 0; i < 900; i += 300 {
		mustAppend(t, j, all[i:i+300]...)
	}
	stop()
	path := filepath.Join(dir, FileName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for page := 8; page*pageSize < len(b); page++ {
		broken := append([]byte(nil), b...)
		for i := range 4 { // the number of the next overflow page, or the head of a leaf
			broken[page*pageSize+i] = 0xff
		}
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := OpenReader(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		list, good := damages(t, r)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if len(list) > 0 && good == 600 {
			found++
		}
	}
	if found == 0 {
		t.Error("no broken page was found and passed")
	}
}

// A follower reports damage once and goes on behind it.
func TestFollowerPassesDamage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir, Options{})
	for i := 1; i <= 30; i += 10 {
		mustAppend(t, j, entries(i, 10)...)
	}
	if _, err := j.writer.conn.ExecContext(t.Context(), "UPDATE frames SET frame = x'00' WHERE first = 11"); err != nil {
		t.Fatal(err)
	}
	stop()
	j, _ = start(t, dir, Options{})
	f := j.Follow(1)
	collect(t, f, 1, 10)
	var c *CorruptError
	if page, err := f.Next(t.Context()); !errors.As(err, &c) || c.First != 11 || c.Count != 10 {
		t.Fatalf("%d records, %v", len(page), err)
	}
	collect(t, f, 21, 10)
	if _, err := j.Reader().Get(t.Context(), 5, 15); !errors.As(err, &c) {
		t.Errorf("get: %v", err)
	}
	stored, unreadable, err := j.Reader().GetReadable(t.Context(), 25, 15, 5, 12, 31, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range stored {
		got = append(got, describe(t, &stored[i]))
	}
	if diff := cmp.Diff([]string{"25", "5", "5"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]uint64{15, 12, 31, 0}, unreadable); diff != "" {
		t.Error(diff)
	}
}
