package file_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/forward/file"
	"github.com/tripod-audit/tripod/internal/forward/forwardtest"
)

type receiver struct {
	dir string
	cfg file.Config
}

func (r *receiver) Open(ctx context.Context) (forward.Sink, error) {
	return file.New(ctx, r.cfg, forward.SinkDeps{})
}

// lines reads the files back, the oldest first.
func (r *receiver) lines(t *testing.T) (lines []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(names, func(a, b string) int { // the one written to comes last
		if a == r.cfg.Path {
			return 1
		}
		if b == r.cfg.Path {
			return -1
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(b) {
			lines = append(lines, strings.TrimSuffix(string(line), "\n"))
		}
	}
	return lines
}

func newReceiver(t *testing.T) *receiver {
	dir := t.TempDir()
	return &receiver{dir: dir, cfg: file.Config{Path: filepath.Join(dir, "tripod.ndjson")}}
}

// TestExactlyOnceAcrossStops stops the forwarder at random moments, lets acknowledgements get lost, tears the last line, and wants
// each record once, in order.
func TestExactlyOnceAcrossStops(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	b := forwardtest.NewBench(t)
	var last uint64
	for i := range 6 {
		f := b.Forwarder(r.Open, nil)
		stop := b.Start(f)
		last = b.Append(400)
		forwardtest.Until(t, "it arrived", forwardtest.Caught(t, f, last-uint64(i*60)))
		stop()
		if i < 5 {
			fh, err := os.OpenFile(r.cfg.Path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fh.WriteString(`{"seq":99,"rec`); err != nil {
				t.Fatal(err)
			}
			if err := fh.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if i == 2 { // forward.db of a moment before: everything of the last second is sent again
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.RemoveAll(filepath.Join(b.Dir, forward.FileName+suffix)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f := b.Forwarder(r.Open, nil)
	stop := b.Start(f)
	forwardtest.Until(t, "all arrived", forwardtest.Caught(t, f, last))
	stop()
	want := uint64(1)
	for _, line := range r.lines(t) {
		var l struct{ Seq uint64 }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		if l.Seq != want {
			t.Fatalf("position %d stands where %d should", l.Seq, want)
		}
		want++
	}
	if want != last+1 {
		t.Errorf("%d records are in the files, want %d", want-1, last)
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.cfg.RotateBytes, r.cfg.Keep = 100, 2
	sink, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		body := []byte(`{"n":"` + strings.Repeat(string(rune('a'+i)), 60) + `"}`)
		if _, err := sink.Send(t.Context(), []forward.Item{{Body: body}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if lines := r.lines(t); len(lines) != 3 || lines[2][6] != 'f' || lines[0][6] != 'd' {
		t.Errorf("lines %v: want the last three, in order", lines)
	}
}

// TestMovedAway writes on to what others find under the path.
func TestMovedAway(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	sink, err := r.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := func(body string) {
		t.Helper()
		if _, err := sink.Send(t.Context(), []forward.Item{{Body: []byte(body)}}); err != nil {
			t.Fatal(err)
		}
	}
	send(`{"n":1}`)
	if err := os.Rename(r.cfg.Path, filepath.Join(r.dir, "away")); err != nil {
		t.Fatal(err)
	}
	send(`{"n":2}`)
	if got := r.lines(t); !slices.Equal(got, []string{`{"n":1}`, `{"n":2}`}) {
		t.Errorf("lines %v", got)
	}
	if found, err := sink.(forward.Prober).Find(t.Context(), `"n":2`); !found || err != nil {
		t.Errorf("Find = %v, %v", found, err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}
