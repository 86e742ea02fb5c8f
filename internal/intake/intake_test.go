package intake_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// stores is a real journal and a real content store behind a door.
type stores struct {
	journal *journal.Journal
	content *content.Store
	door    *intake.Door
}

func open(t *testing.T, cfg capture.Config) stores {
	t.Helper()
	dir := t.TempDir()
	ctx := context.Background()
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
	policy, err := capture.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 2)
	go func() { done <- j.Run(running) }()
	go func() { done <- c.Run(running) }()
	t.Cleanup(func() {
		stop()
		for range 2 {
			if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		if err := errors.Join(c.Close(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	return stores{j, c, intake.New(j, c, policy, []byte("a key of the test's own"))}
}

func draft(form string, pieces ...intake.Piece) intake.Draft {
	return intake.Draft{
		Record: &audit.Record{
			Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "user_prompt",
			Outcome: audit.OutcomeSuccess, Occurred: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Container: "session/-/s",
		},
		Form: []byte(form), Pieces: pieces,
	}
}

func text(name, value string) intake.Piece {
	return intake.Piece{Name: name, Class: audit.ClassText, Kind: audit.KindString, Value: []byte(value)}
}

func detail(name, value string) intake.Piece {
	return intake.Piece{Name: name, Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(value)}
}

func (s stores) submit(t *testing.T, drafts ...intake.Draft) intake.Receipt {
	t.Helper()
	r, err := s.door.Submit(context.Background(), intake.Delivery{Credential: "laptops", Drafts: drafts})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s stores) record(t *testing.T, seq uint64) *audit.Record {
	t.Helper()
	stored, err := s.journal.Reader().Get(context.Background(), seq)
	if err != nil {
		t.Fatal(err)
	}
	r, err := stored[0].Record()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCapturePolicyDecidesWhatIsStored(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{
		{Group: []string{"works-council"}, Keep: audit.ClassMetadata},
		{Credential: []string{"sandbox"}, Keep: audit.ClassText},
	}})
	council := draft("b", detail("tool_input", "ls /council"), text("prompt", "secret ballot"))
	council.Record.Account.Asserted.Groups = []string{"works-council"}
	hidden := intake.Piece{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Withheld: audit.WithheldSource}
	s.submit(t, draft("a", detail("tool_input", "ls /home"), text("prompt", "hello")), council, draft("c", hidden))

	want := func(seq uint64, name, withheld string, bytes int) {
		t.Helper()
		for _, c := range s.record(t, seq).Content {
			if c.Name != name {
				continue
			}
			if c.Withheld != withheld || (c.Address == "") != (withheld != "") || c.Bytes != bytes {
				t.Errorf("record %d: %+v, want withheld %q and %d bytes", seq, c, withheld, bytes)
			}
			return
		}
		t.Errorf("record %d has no content %q", seq, name)
	}
	want(1, "tool_input", "", 8)
	want(1, "prompt", audit.WithheldPolicy, 5)
	want(2, "tool_input", audit.WithheldPolicy, 11)
	want(2, "prompt", audit.WithheldPolicy, 13)
	want(3, "prompt", audit.WithheldSource, 0)

	r, err := s.door.Submit(context.Background(), intake.Delivery{Credential: "sandbox", Drafts: []intake.Draft{draft("d", text("prompt", "hi"))}})
	if err != nil {
		t.Fatal(err)
	}
	want(r.Seqs[0], "prompt", "", 2)
}

func TestRedeliveryAddsNothing(t *testing.T) {
	s := open(t, capture.Config{})
	// The same thing twice in one delivery is two records, told apart by their ordinal.
	first := s.submit(t, draft("a"), draft("a"), draft("b"))
	again := s.submit(t, draft("a"), draft("a"), draft("b"), draft("new"))
	if first.Duplicates != 0 || again.Duplicates != 3 || again.Seqs[3] != 4 {
		t.Fatalf("first %+v, again %+v", first, again)
	}
	if last, err := s.journal.Reader().Last(context.Background()); err != nil || last != 4 {
		t.Errorf("last = %d, %v; want 4", last, err)
	}
	other, err := s.door.Submit(context.Background(), intake.Delivery{Credential: "another", Drafts: []intake.Draft{draft("a")}})
	if err != nil || other.Duplicates != 0 {
		t.Errorf("the same form under another credential: %+v, %v", other, err)
	}
}

func TestRedeliveryDoesNotResurrectErasedContent(t *testing.T) {
	s := open(t, capture.Config{})
	ctx := context.Background()
	d := func() intake.Draft { return draft("a", detail("tool_input", "rm -rf /tmp/x")) }
	s.submit(t, d())
	address := s.record(t, 1).Content[0].Address
	if err := s.content.EraseContainer(ctx, "session/-/s"); err != nil {
		t.Fatal(err)
	}
	s.submit(t, d())
	if state, err := s.content.Reader().State(ctx, "session/-/s", address); err != nil || state != content.Erased {
		t.Errorf("state after a retry = %v, %v; want erased", state, err)
	}
}

func TestVendorIDWithAnotherBodySupersedes(t *testing.T) {
	s := open(t, capture.Config{})
	d := func(form string) intake.Draft {
		d := draft(form)
		d.VendorID, d.Record.ID, d.Record.Source = true, "activity_1", audit.SourceComplianceActivity
		return d
	}
	s.submit(t, d("v1"))
	if r := s.submit(t, d("v1")); r.Duplicates != 1 || r.Seqs[0] != 1 {
		t.Errorf("the same body again: %+v", r)
	}
	r := s.submit(t, d("v2"))
	if r.Duplicates != 0 || r.Seqs[0] != 2 {
		t.Fatalf("another body: %+v", r)
	}
	if rec := s.record(t, 2); rec.Supersedes != "seq:1" || rec.ID != "activity_1" {
		t.Errorf("record = id %q supersedes %q", rec.ID, rec.Supersedes)
	}
}

func TestCursorsCommitWithRecords(t *testing.T) {
	s := open(t, capture.Config{})
	ctx := context.Background()
	_, err := s.door.Submit(ctx, intake.Delivery{Drafts: []intake.Draft{draft("a")}, Cursors: map[string][]byte{"feed": []byte("page-7")}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.journal.Cursor(ctx, "feed"); err != nil || string(got) != "page-7" {
		t.Errorf("cursor = %q, %v", got, err)
	}
}

func TestOwnActs(t *testing.T) {
	s := open(t, capture.Config{})
	for want := uint64(1); want <= 2; want++ { // equal acts are two acts
		seq, err := s.door.Record(context.Background(), intake.Act{Type: "tripod.test", Activity: audit.ActivityOperation}, nil)
		if err != nil || seq != want {
			t.Fatalf("seq = %d, %v; want %d", seq, err, want)
		}
	}
	if r := s.record(t, 1); r.Source != audit.SourceTripod || r.Outcome != audit.OutcomeSuccess || r.Recorded.IsZero() || len(r.ID) != 32 {
		t.Errorf("record = %+v", r)
	}
}

func TestRefusalIsUnavailable(t *testing.T) {
	s := open(t, capture.Config{})
	s.journal.Refuse(errors.New("the ledger is longer than its journal"))
	_, err := s.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{draft("a")}})
	if !errors.Is(err, intake.ErrUnavailable) || !strings.Contains(err.Error(), "longer than its journal") {
		t.Errorf("error = %v", err)
	}
}
