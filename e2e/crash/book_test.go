package crash

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// book is what the clients know: every record they sent, and whether it was acknowledged. What the journal holds is held
// against it.
type book struct {
	mu      sync.Mutex
	records map[string]*sent // by key
	read    uint64           // position up to which the journal was looked at
	own     map[string]int   // Tripod's own acts seen, by type
	gone    gone
	gaps    bool // records were lost, so that gaps may be claimed
}

// gone is what erasures took, as far as they were ordered.
type gone struct {
	records    map[uint64]bool    // positions at which tombstones are expected
	blocks     map[[2]string]bool // container and address
	containers map[string]uint64  // up to the position of the order
}

func (g *gone) has(container, address string, seq uint64) bool {
	return g.blocks[[2]string{container, address}] || seq < g.containers[container]
}

func newBook() *book {
	return &book{records: make(map[string]*sent), own: make(map[string]int), gone: gone{
		records: make(map[uint64]bool), blocks: make(map[[2]string]bool), containers: make(map[string]uint64),
	}}
}

func (b *book) write(e *export) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range e.records {
		b.records[s.key] = s
	}
}

func (b *book) acknowledge(e *export) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range e.records {
		s.acked = true
	}
}

// acked counts the records that were acknowledged.
func (b *book) acked() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.records {
		if s.acked {
			n++
		}
	}
	return n
}

// keyOf recognises a record.
func keyOf(r *audit.Record) string {
	switch {
	case r.Source == audit.SourceOTelLog && r.Sequence != nil:
		return fmt.Sprintf("log/%s/%d", r.Keys.Session, *r.Sequence)
	case r.Source == audit.SourceOTelSpan:
		return "span/" + r.Keys.Span
	case r.Source == audit.SourceOTelMetric:
		return r.Service.Version
	}
	return fmt.Sprintf("%s %s of session %s", r.Source, r.Type, r.Keys.Session)
}

// reading is a data directory opened with the readers of journal and content, beside serve or without it.
type reading struct {
	journal *journal.Reader
	content *content.Reader
	grant   content.Grant
	opened  int // blocks that were opened under the grant
}

func (h *home) open(t *testing.T) *reading {
	t.Helper()
	ctx := t.Context()
	j, err := journal.OpenReader(ctx, h.data)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Load(keyring.Config{DataDir: h.data, Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.OpenReader(ctx, h.data, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	r := &reading{journal: j, content: c}
	r.grant, err = content.NewGrant(content.Terms{
		Purpose: "test", Who: "e2e/crash", Class: audit.ClassText, Any: true, Expires: time.Now().Add(time.Hour),
		Record: func(context.Context, content.Opening) error { r.opened++; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reading) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(r.content.Close(), r.journal.Close()); err != nil {
		t.Error(err)
	}
}

// auditAll looks at the whole journal anew; see audit.
func (b *book) auditAll(t *testing.T, h *home) {
	t.Helper()
	b.mu.Lock()
	b.read = 0
	clear(b.own)
	for _, s := range b.records {
		s.seq = 0
	}
	b.mu.Unlock()
	b.audit(t, h)
}

// audit looks at what the journal took in since the last time: every record is one that was sent, stands there once, in
// its session, and its content opens to what was sent. Then no acknowledged record may be missing.
func (b *book) audit(t *testing.T, h *home) {
	t.Helper()
	r := h.open(t)
	defer r.close(t)
	last, err := r.journal.Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if last < b.read {
		t.Fatalf("the journal ends at %d and reached to %d before", last, b.read)
	}
	next := b.read + 1
	for s, err := range r.journal.Scan(t.Context(), next, last) {
		if err != nil {
			t.Fatalf("read journal from %d on: %v", next, err)
		}
		if s.Seq != next {
			t.Fatalf("position %d follows %d", s.Seq, next-1)
		}
		next++
		b.look(t, r, &s)
	}
	if next != last+1 {
		t.Fatalf("the journal ends at %d and says %d", next-1, last)
	}
	b.read = last
	lost := 0
	for _, key := range slices.Sorted(maps.Keys(b.records)) {
		if s := b.records[key]; s.acked && s.seq == 0 && !s.erased {
			if lost++; lost <= 5 {
				t.Errorf("%s was acknowledged and is not in the journal", key)
			}
		}
	}
	if lost > 0 {
		t.Fatalf("%d acknowledged records of %d are lost", lost, len(b.records))
	}
}

func (b *book) look(t *testing.T, r *reading, s *journal.Stored) {
	t.Helper()
	if s.Tombstone != nil {
		if !b.gone.records[s.Seq] {
			t.Errorf("position %d holds a tombstone nobody ordered", s.Seq)
		}
		return
	}
	if b.gone.records[s.Seq] {
		t.Errorf("position %d was erased and holds a record", s.Seq)
	}
	rec, err := s.Record()
	if err != nil {
		t.Fatal(err)
	}
	if rec.Source == audit.SourceTripod {
		b.own[rec.Type]++
		return
	}
	was, ok := b.records[keyOf(rec)]
	switch {
	case !ok:
		t.Errorf("record %d (%s) was never sent", s.Seq, keyOf(rec))
		return
	case was.erased:
		t.Errorf("%s was erased and is back at %d", was.key, s.Seq)
	case was.seq != 0:
		t.Errorf("%s is in the journal twice, at %d and %d", was.key, was.seq, s.Seq)
	case rec.Keys.Session != was.session:
		t.Errorf("record %d (%s) is in session %s, was sent in %s", s.Seq, was.key, rec.Keys.Session, was.session)
	}
	was.seq = s.Seq
	b.compare(t, r, rec, was)
}

// compare opens all content of a record.
func (b *book) compare(t *testing.T, r *reading, rec *audit.Record, was *sent) {
	t.Helper()
	if len(rec.Content) != len(was.content) {
		t.Errorf("%s refers to %d pieces of content, %d were sent", was.key, len(rec.Content), len(was.content))
	}
	for _, c := range rec.Content {
		want, ok := was.content[c.Name]
		if !ok {
			t.Errorf("%s refers to %s, which was not sent", was.key, c.Name)
			continue
		}
		got, err := r.content.Open(t.Context(), r.grant, rec.Container, c.Address)
		if b.gone.has(rec.Container, c.Address, was.seq) {
			if !errors.Is(err, content.ErrErased) {
				t.Errorf("%s at %d: %s was erased: %v", was.key, was.seq, c.Name, err)
			}
		} else if err != nil {
			t.Errorf("%s at %d: open %s: %v", was.key, was.seq, c.Name, err)
		} else if !same(got, []byte(want)) {
			t.Errorf("%s at %d: %s is not what was sent: %d bytes, %d were sent", was.key, was.seq, c.Name, len(got), len(want))
		}
	}
}
