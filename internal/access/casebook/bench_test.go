package casebook_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/casebook"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// canary is content that no error may quote.
const canary = "the merger is called Kingfisher"

// bench is a desk over a real journal, content store and door.
type bench struct {
	*casebook.Desk
	dir     string
	journal *journal.Journal
	store   *content.Store
	door    *intake.Door
	acts    *acts.State
	book    *casebook.Book
	people  directory
	health  *health.Registry
	cfg     casebook.Config
}

func newBench(t *testing.T, change ...func(*casebook.Config)) *bench {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	b := &bench{dir: t.TempDir(), health: new(health.Registry), cfg: casebook.DefaultConfig(), people: directory{owners: make(map[string][]casebook.Owner), accounts: make(map[string]casebook.Owner)}}
	for _, c := range change {
		c(&b.cfg)
	}
	if err := b.cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	var err error
	if b.journal, err = journal.Open(ctx, b.dir, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if b.store, err = content.Open(ctx, b.dir, content.Options{Keyring: keys}); err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Plane: []audit.Plane{audit.PlaneAgent}, Keep: audit.ClassText}}})
	if err != nil {
		t.Fatal(err)
	}
	id := keys.IDKey()
	b.door = intake.New(b.journal, b.store, policy, id[:])
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.journal.Run(ctx) })
	wg.Go(func() { _ = b.store.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := errors.Join(b.store.Close(), b.journal.Close()); err != nil {
			t.Error(err)
		}
	})
	b.restart(t)
	return b
}

// restart makes desk and book anew from the journal.
func (b *bench) restart(t *testing.T) {
	t.Helper()
	b.book = casebook.NewBook()
	var err error
	if b.acts, err = acts.Load(context.Background(), b.dir, acts.Key{}, b.journal.Reader(), b.book); err != nil {
		t.Fatal(err)
	}
	b.Desk = casebook.NewDesk(b.cfg, b.deps())
}

func (b *bench) deps() casebook.Deps {
	return casebook.Deps{Acts: b.acts, Book: b.book, Door: b.door, Content: b.store.Reader(), Journal: b.journal.Reader(), Directory: &b.people,
		Queries: &words{b.journal.Reader()}, Cursors: b.journal, Health: b.health}
}

// prompt records one of somebody's prompts in a session and returns its position.
func (b *bench) prompt(t *testing.T, email, session string) uint64 {
	t.Helper()
	rec := &audit.Record{Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "user_prompt",
		Outcome: audit.OutcomeSuccess, Occurred: time.Now(), Account: audit.Account{Asserted: audit.Identity{Email: email}}, Container: "session/" + session}
	return b.submit(t, rec, intake.Piece{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte(canary)},
		intake.Piece{Name: "cwd", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte("/home/kingfisher")})
}

func (b *bench) submit(t *testing.T, rec *audit.Record, pieces ...intake.Piece) uint64 {
	t.Helper()
	receipt, err := b.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{{Record: rec, Pieces: pieces, Form: []byte(time.Now().String())}}})
	if err != nil {
		t.Fatal(err)
	}
	return receipt.Seqs[0]
}

// records lists the records of a type, the oldest first.
func (b *bench) records(t *testing.T, typ string) []*audit.Record {
	t.Helper()
	last, err := b.journal.Reader().Last(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var list []*audit.Record
	for s, err := range b.journal.Reader().Scan(context.Background(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == typ {
			list = append(list, r)
		}
	}
	return list
}

// directory knows what a test tells it.
type directory struct {
	owners   map[string][]casebook.Owner
	accounts map[string]casebook.Owner
	err      error
}

func (d *directory) Owners(_ context.Context, container string) ([]casebook.Owner, error) {
	return d.owners[container], d.err
}

func (d *directory) Account(_ context.Context, id string) (casebook.Owner, error) {
	return d.accounts[id], d.err
}

// words are queries that match a type of records.
type words struct{ journal *journal.Reader }

func (w *words) Find(ctx context.Context, text string, at time.Time, upTo uint64, limit int) (seqs []uint64, more bool, err error) {
	match, err := w.Matcher(text, at)
	if err != nil {
		return nil, false, err
	}
	for s, err := range w.journal.Scan(ctx, 1, upTo) {
		if err != nil {
			return nil, false, err
		}
		if r, err := s.Record(); err == nil && match(r) {
			if len(seqs) == limit {
				return seqs, true, nil
			}
			seqs = append(seqs, s.Seq)
		}
	}
	return seqs, false, nil
}

func (w *words) Matcher(text string, _ time.Time) (func(*audit.Record) bool, error) {
	typ, ok := strings.CutPrefix(text, "type:")
	if !ok {
		return nil, errors.New("want type:")
	}
	return func(r *audit.Record) bool { return r.Type == typ }, nil
}

// person is somebody who signed in by the identity provider.
func person(name string, roles ...access.Role) *access.Person {
	return &access.Person{Subject: "oidc:" + name + "@https://idp.example", Email: name + "@example.com", Roles: roles, Via: access.ViaOIDC}
}

// open opens an investigation about dana.
func (b *bench) open(t *testing.T, by *access.Person) string {
	t.Helper()
	c, err := b.Open(context.Background(), by, casebook.NewCase{Kind: casebook.KindInvestigation, Purpose: casebook.PurposeIncident,
		Basis: casebook.BasisLegitimateInterest, Title: "What left the building", Subjects: []string{"dana@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// request asks for the text of one record.
func (b *bench) request(t *testing.T, by *access.Person, id string, seq uint64) casebook.Grant {
	t.Helper()
	g, err := b.Request(context.Background(), by, casebook.Ask{Case: id, Class: audit.ClassText, Records: []uint64{seq}, Reason: "to see what left"})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (b *bench) approve(t *testing.T, by *access.Person, g casebook.Grant) casebook.Grant {
	t.Helper()
	g, err := b.Approve(context.Background(), by, g.ID, g.Terms, "")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// texts are the opened pieces by name.
func texts(pieces []casebook.Piece) map[string]string {
	m := make(map[string]string)
	for _, p := range pieces {
		if p.State == casebook.Held {
			m[p.Name] = string(p.Text)
		}
	}
	return m
}

func mustRefuse(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: allowed", what)
		return
	}
	if len(want) > 0 && !slices.ContainsFunc(want, func(w error) bool { return errors.Is(err, w) }) {
		t.Errorf("%s: %v", what, err)
	}
	if strings.Contains(err.Error(), "ingfisher") {
		t.Errorf("%s: the error quotes content: %v", what, err)
	}
}
