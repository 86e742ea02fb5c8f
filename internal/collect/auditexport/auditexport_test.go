package auditexport_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/collect/auditexport"
	"github.com/tripod-audit/tripod/internal/collect/auditexport/file"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// bench is an importer in front of a real journal and a real content store.
type bench struct {
	*auditexport.Importer
	door    *intake.Door
	journal *journal.Journal
	content *content.Store
}

func open(t *testing.T, policy capture.Config) *bench {
	t.Helper()
	dir, ctx := t.TempDir(), context.Background()
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Create: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := content.Open(ctx, dir, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	p, err := capture.New(policy)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for _, run := range []func(context.Context) error{j.Run, c.Run} {
		wait.Go(func() {
			if err := run(running); err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		wait.Wait()
		if err := errors.Join(c.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	door := intake.New(j, c, p, []byte("a key of the test's own"))
	return &bench{importer(door, j), door, j, c}
}

// importer delivers a hundred rows at a time, so that a small file takes several deliveries.
func importer(door auditexport.Door, j *journal.Journal) *auditexport.Importer {
	x := auditexport.New(door, j)
	x.SetBatch(100)
	return x
}

func (b *bench) load(t *testing.T, text string) auditexport.Result {
	t.Helper()
	r, err := b.Import(t.Context(), strings.NewReader(text), auditexport.Order{Name: "audit-log.csv", By: audit.Identity{OSUser: "mona"}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// records are all records of a source, in order.
func (b *bench) records(t *testing.T, source audit.Source) []*audit.Record {
	t.Helper()
	last, err := b.journal.Reader().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []*audit.Record
	for stored, err := range b.journal.Reader().Scan(t.Context(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := stored.Record()
		if err != nil {
			t.Fatal(err)
		}
		if r.Source == source {
			list = append(list, r)
		}
	}
	return list
}

const head = "created_at,actor_info,event,event_info,entity_info,ip_address,device_id,user_agent,client_platform\n"

var day = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// rows are so many rows, one a minute, from the n-th on.
func rows(n, count int) string {
	var b strings.Builder
	for i := n; i < n+count; i++ {
		fmt.Fprintf(&b, "%s,\"{'name': 'Jane', 'uuid': 'u-%d', 'metadata': {'email_address': 'jane@example.com'}}\",conversation_renamed,{'new_name': 'title %d'},\"{'type': 'chat_conversation', 'uuid': 'c-%d'}\",192.0.2.1,,agent,ios\n",
			day.Add(time.Duration(i)*time.Minute).Format(time.RFC3339Nano), i%7, i, i%11)
	}
	return b.String()
}

func TestTwiceAndOverlapping(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{})
	f := func(name, text string, rows, fresh int) {
		t.Helper()
		if r := b.load(t, text); r.Rows != rows || r.New != fresh || r.Known != rows-fresh || r.Unreadable != 0 {
			t.Errorf("%s: %+v; want %d rows, %d new", name, r, rows, fresh)
		}
	}
	f("first", head+rows(0, 250), 250, 250) // more than one delivery
	f("again", head+rows(0, 250), 250, 0)
	f("overlapping", head+rows(200, 100), 100, 50)
	f("the other way round", head+rows(290, 5)+rows(280, 5), 10, 0)
	f("with a new column, and another name", "more,"+head+strings.ReplaceAll("\n"+rows(299, 2), "\n2", "\nx,2")[1:], 2, 1)
	got := b.records(t, audit.SourceAuditExport)
	seen := map[string]bool{}
	for _, r := range got {
		seen[r.ID] = true
		if r.Account.Proved.OSUser != "" {
			t.Fatal("the act is taken for one of who imported it")
		}
	}
	if len(got) != 301 || len(seen) != 301 {
		t.Errorf("%d records with %d ids, want 301", len(got), len(seen))
	}
}

// TestEqualRows: rows of one file that say the same are as many acts; another file with as many adds none, one with more
// adds the rest.
func TestEqualRows(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{})
	row := rows(1, 1)
	for i, c := range []struct{ copies, fresh int }{{1, 1}, {3, 2}, {3, 0}, {2, 0}, {4, 1}} {
		if r := b.load(t, head+strings.Repeat(row, c.copies)); r.New != c.fresh || r.Known != c.copies-c.fresh {
			t.Errorf("file %d: %+v; want %d new", i, r, c.fresh)
		}
	}
	// Apart from each other in the file, and beyond the bounds of a delivery.
	if r := b.load(t, head+row+rows(10, 150)+row); r.New != 150 {
		t.Errorf("apart: %+v", r)
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{})
	r := b.load(t, head+rows(0, 2)+"no row\n"+"2026-10-02T00:00:00Z,{},hologram,{},{},,,,\n2026-10-02T00:00:01Z,{broken,user_signed_out,{},{},,,,\n")
	want := auditexport.Result{
		SHA256: r.SHA256, Bytes: r.Bytes, Rows: 4, New: 4, Unreadable: 1, Lines: []auditexport.Line{{4, "its cells do not fit the columns"}}, Malformed: 1,
		Unclassified: 1, Types: []string{"hologram"}, First: day, Last: time.Date(2026, 10, 2, 0, 0, 1, 0, time.UTC), Start: 1, Record: 6,
	}
	if diff := cmp.Diff(want, r); diff != "" || len(r.SHA256) != 64 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	acts := b.records(t, audit.SourceTripod)
	if len(acts) != 2 || acts[0].Type != auditexport.ActStart || acts[1].Type != auditexport.ActEnd {
		t.Fatalf("acts: %v", acts)
	}
	for _, a := range acts {
		if a.Account.Proved.OSUser != "mona" || a.Content[0].Name != "import.file" || a.Content[0].Address == "" {
			t.Errorf("act %s: %s", a.Type, a.AppendCanonical(nil))
		}
	}
	end := acts[1].Attributes
	for name, want := range map[string]string{
		"import.rows": "4", "import.new": "4", "import.unreadable": "1", "import.start": "1", "import.sha256": r.SHA256,
		"import.first": "2026-10-01T00:00:00Z", "import.last": "2026-10-02T00:00:01Z",
	} {
		if v, _ := end.Get(name); v.Text() != want {
			t.Errorf("%s = %q, want %q", name, v.Text(), want)
		}
	}
}

func TestOrganisation(t *testing.T) {
	t.Parallel()
	f := func(b *bench, org, want string, fresh int) {
		t.Helper()
		r, err := b.Import(t.Context(), strings.NewReader(head+rows(0, 1)), auditexport.Order{Org: org})
		switch {
		case want == "" && !errors.Is(err, auditexport.ErrOrg):
			t.Errorf("--org %q: %v, want a refusal", org, err)
		case want != "" && (err != nil || r.Org != want || r.New != fresh):
			t.Errorf("--org %q: %+v, %v", org, r, err)
		}
	}
	b := open(t, capture.Config{})
	f(b, "org-a", "org-a", 1)
	f(b, "", "org-a", 0) // the only one there is
	f(b, "org-b", "org-b", 1)
	f(b, "", "", 0) // which?
	f(b, "org-a", "org-a", 0)
	f(b, "not an id", "", 0)
	unnamed := open(t, capture.Config{})
	unnamed.load(t, head+rows(0, 1))
	unnamed.load(t, head+rows(0, 1))
	f(unnamed, "org-a", "", 0)
}

// TestCapture: names, titles and the row itself are content under the capture policy, and what was erased does not come back
// with another import.
func TestCapture(t *testing.T) {
	t.Parallel()
	text := head + rows(0, 1)
	withheld := open(t, capture.Config{})
	withheld.load(t, text)
	for _, c := range withheld.records(t, audit.SourceAuditExport)[0].Content {
		if c.Withheld != audit.WithheldPolicy {
			t.Errorf("%s is kept though nobody chose that", c.Name)
		}
	}
	b := open(t, capture.Config{Rules: []capture.Rule{{Source: []audit.Source{audit.SourceAuditExport}, Keep: audit.ClassText}}})
	b.load(t, text)
	rec := b.records(t, audit.SourceAuditExport)[0]
	if len(rec.Content) != 3 || rec.Container != "chat/audit_export/c-0" {
		t.Fatalf("%s", rec.AppendCanonical(nil))
	}
	for _, c := range rec.Content {
		if state, err := b.content.Reader().State(t.Context(), rec.Container, c.Address); err != nil || state != content.Held {
			t.Errorf("%s: %v, %v", c.Name, state, err)
		}
	}
	if err := b.content.EraseContainer(t.Context(), rec.Container); err != nil {
		t.Fatal(err)
	}
	if r := b.load(t, text); r.Known != 1 {
		t.Errorf("%+v", r)
	}
	if state, err := b.content.Reader().State(t.Context(), rec.Container, rec.Content[0].Address); err != nil || state != content.Erased {
		t.Errorf("after another import: %v, %v", state, err)
	}
}

// doorThatFails is a door that refuses after some deliveries, before or after it stored the one it refuses.
type doorThatFails struct {
	auditexport.Door
	after  int
	stored bool // the delivery that fails was stored all the same
}

func (d *doorThatFails) Submit(ctx context.Context, del intake.Delivery) (intake.Receipt, error) {
	if d.after--; d.after >= 0 {
		return d.Door.Submit(ctx, del)
	}
	if d.stored {
		if _, err := d.Door.Submit(ctx, del); err != nil {
			return intake.Receipt{}, err
		}
	}
	return intake.Receipt{}, fmt.Errorf("%w: no room", intake.ErrUnavailable)
}

// TestCutShort: wherever an import ends, another one completes it, and each row is there once.
func TestCutShort(t *testing.T) {
	t.Parallel()
	text := head + rows(0, 70) + strings.Repeat(rows(70, 1), 60) + rows(71, 130) // equal rows lie across deliveries
	for name, c := range map[string]struct {
		door   doorThatFails
		in     io.Reader
		rows   int
		stored int
	}{
		"at once":                 {doorThatFails{}, strings.NewReader(text), 0, 0},
		"between deliveries":      {doorThatFails{after: 1}, strings.NewReader(text), 100, 100},
		"stored and not answered": {doorThatFails{after: 1, stored: true}, strings.NewReader(text), 100, 200},
		"the file ends early":     {doorThatFails{after: 9}, io.MultiReader(strings.NewReader(text[:len(text)/2]), iotest.ErrReader(io.ErrUnexpectedEOF)), -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, capture.Config{})
			c.door.Door = b.door
			r, err := importer(&c.door, b.journal).Import(t.Context(), c.in, auditexport.Order{})
			if err == nil || r.SHA256 != "" || c.rows >= 0 && (r.Rows != c.rows || r.New != c.rows) {
				t.Fatalf("%+v, %v", r, err)
			}
			got := len(b.records(t, audit.SourceAuditExport))
			if c.stored >= 0 && got != c.stored || c.stored < 0 && (got == 0 || got != r.New) {
				t.Fatalf("%d records stored, result %+v", got, r)
			}
			if acts := b.records(t, audit.SourceTripod); len(acts) != 2 || acts[1].Outcome != audit.OutcomeFailure {
				t.Errorf("acts: %d", len(acts))
			}
			if r := b.load(t, text); r.Rows != 260 || r.Known != got || r.New != 260-got {
				t.Errorf("again: %+v after %d", r, got)
			}
			if all := len(b.records(t, audit.SourceAuditExport)); all != 260 {
				t.Errorf("%d records, want 260", all)
			}
		})
	}
}

func TestNotAnExport(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{})
	if _, err := b.Import(t.Context(), strings.NewReader("a,b\n1,2\n"), auditexport.Order{}); !errors.Is(err, file.ErrNotExport) {
		t.Errorf("error = %v", err)
	}
	if last, err := b.journal.Reader().Last(t.Context()); err != nil || last != 0 {
		t.Errorf("%d records, %v", last, err)
	}
}

// TestAtOnce: two imports of the same file at the same time add each row once.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	b := open(t, capture.Config{})
	text := []byte(head + rows(0, 150))
	var wait sync.WaitGroup
	results := make([]auditexport.Result, 2)
	for i := range results {
		wait.Go(func() {
			var err error
			if results[i], err = b.Import(t.Context(), bytes.NewReader(text), auditexport.Order{}); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if results[0].New+results[1].New != 150 || results[0].Known+results[1].Known != 150 {
		t.Errorf("%+v", results)
	}
}
