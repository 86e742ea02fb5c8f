package retention_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
)

var (
	carla = &access.Person{Subject: "oidc:1@idp", Email: "carla@example.com", Roles: []access.Role{access.Counsel}}
	petra = &access.Person{Subject: "oidc:2@idp", Email: "petra@example.com", Roles: []access.Role{access.PrivacyOfficer}}
	asked = erasure.Order{By: audit.Identity{OSUser: "petra"}, Reason: "asked"}
)

// spine is everything that keeps and destroys, over a real data directory.
type spine struct {
	dir     string
	journal *journal.Journal
	content *content.Store
	ledger  *ledger.Ledger
	door    *intake.Door
	eraser  *erasure.Eraser
	holds   *hold.Keeper
	keeper  *retention.Keeper
	now     time.Time // of purges; records are of the clock
	said    int
	close   func() error
}

// openSpine opens a data directory. Whoever opens closes.
func openSpine(t *testing.T, dir string, classes ...retention.Class) *spine {
	t.Helper()
	s, err := newSpine(dir, classes)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSpine(dir string, classes []retention.Class) (*spine, error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &spine{dir: dir, now: time.Now()}
	var wg sync.WaitGroup
	s.close = func() error {
		cancel()
		wg.Wait()
		var errs []error
		if s.content != nil {
			errs = append(errs, s.content.Close())
		}
		if s.journal != nil {
			errs = append(errs, s.journal.Close())
		}
		return errors.Join(errs...)
	}
	err := s.open(ctx, &wg, classes)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *spine) open(ctx context.Context, wg *sync.WaitGroup, classes []retention.Class) (err error) {
	if s.journal, err = journal.Open(ctx, s.dir, journal.Options{}); err != nil {
		return err
	}
	keys, err := keyring.Load(keyring.Config{DataDir: s.dir, Create: true})
	if err != nil {
		return err
	}
	if s.content, err = content.Open(ctx, s.dir, content.Options{Keyring: keys}); err != nil {
		return err
	}
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	if err != nil {
		return err
	}
	if s.ledger, err = ledger.Open(ctx, s.dir, ledger.Options{Journal: s.journal.Reader(), Interval: time.Millisecond}); err != nil {
		return err
	}
	wg.Go(func() { _ = s.journal.Run(ctx) })
	wg.Go(func() { _ = s.content.Run(ctx) })
	wg.Go(func() { _ = s.ledger.Run(ctx, s.journal.Follow(s.ledger.Size()+1)) })
	id := keys.IDKey()
	s.door = intake.New(s.journal, s.content, policy, id[:])
	s.eraser = erasure.New(s.journal, s.content, s.door)
	s.eraser.Signed = func(ctx context.Context, seq uint64) error { _, err := s.ledger.Wait(ctx, seq); return err }
	book := hold.NewBook(func(id string) (string, bool) { return "matter", strings.HasPrefix(id, "C-") })
	state, err := acts.Load(ctx, s.dir, acts.Key{}, s.journal.Reader(), book)
	if err != nil {
		return err
	}
	s.holds = hold.NewKeeper(hold.Deps{Book: book, Acts: state, Door: s.door, Journal: s.journal.Reader(), Still: s.eraser.Still})
	s.keeper = retention.New(retention.Config{Classes: classes}, retention.Deps{Journal: s.journal.Reader(), Cursors: s.journal, Content: s.content.Reader(),
		Holds: s.holds, Eraser: s.eraser, Door: s.door, Now: func() time.Time { return s.now }, Pause: time.Nanosecond})
	s.eraser.Held = func(ctx context.Context, t erasure.Target) error {
		return errors.Join(s.holds.Refuse(ctx, t), s.keeper.Refuse(ctx, t))
	}
	_, err = s.eraser.Resume(ctx)
	return err
}

// said1 is a record that was delivered.
type said1 struct {
	seq       uint64
	container string
	email     string
	source    audit.Source
	texts     []string
	details   []string
	record    *audit.Record
}

// deliver delivers a record and reads it back.
func (s *spine) deliver(d said1) (said1, error) {
	s.said++
	draft := intake.Draft{Form: fmt.Append(nil, s.said, s.now), Record: &audit.Record{
		Normaliser: "test/1", Source: d.source, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "user_prompt",
		Outcome: audit.OutcomeSuccess, Occurred: time.Now(), Container: d.container, Account: audit.Account{Asserted: audit.Identity{Email: d.email}},
	}}
	for _, text := range d.texts {
		draft.Pieces = append(draft.Pieces, intake.Piece{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte(text)})
	}
	for _, detail := range d.details {
		draft.Pieces = append(draft.Pieces, intake.Piece{Name: "title", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(detail)})
	}
	r, err := s.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{draft}})
	if err != nil {
		return d, err
	}
	d.seq = r.Seqs[0]
	stored, err := s.journal.Reader().Get(context.Background(), d.seq)
	if err != nil {
		return d, err
	}
	d.record, err = stored[0].Record()
	return d, err
}

// state tells how a record and its content stand: "tombstone", or the state of each piece.
func (s *spine) state(d said1) (string, error) {
	stored, err := s.journal.Reader().Get(context.Background(), d.seq)
	if err != nil {
		return "", err
	}
	var all []string
	if stored[0].Tombstone != nil {
		all = append(all, "tombstone")
	}
	for _, c := range d.record.Content {
		state, err := s.content.Reader().State(context.Background(), d.record.Container, c.Address)
		if err != nil {
			return "", err
		}
		all = append(all, string(state))
	}
	return strings.Join(all, " "), nil
}

// verify verifies the whole ledger with a key and, if there is one, a checkpoint from earlier.
func (s *spine) verify(key string, saved []byte) error {
	ctx := context.Background()
	last, err := s.journal.Reader().Last(ctx)
	if err != nil {
		return err
	}
	if _, err := s.ledger.Wait(ctx, last); err != nil {
		return err
	}
	r, err := ledger.Verify(ctx, ledger.VerifyOptions{Dir: s.dir, Journal: s.journal.Reader(), Key: key, Saved: saved})
	if err != nil {
		return err
	}
	strange := func(f ledger.Finding) bool { return f.Kind != ledger.KindHandOver }
	if !r.Verified || slices.ContainsFunc(r.Findings, strange) {
		return fmt.Errorf("verified %v: %+v", r.Verified, r.Findings)
	}
	return nil
}
