package hold_test

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
	"github.com/tripod-audit/tripod/internal/lifecycle/hold"
)

// spine is a keeper over a real journal, content store, door and eraser.
type spine struct {
	journal *journal.Journal
	content *content.Store
	door    *intake.Door
	eraser  *erasure.Eraser
	keeper  *hold.Keeper
	deps    hold.Deps
	known   map[string][]string
	said    int
}

var (
	carla = &access.Person{Subject: "oidc:1@idp", Email: "carla@example.com", Roles: []access.Role{access.Counsel}}
	petra = &access.Person{Subject: "oidc:2@idp", Email: "petra@example.com", Roles: []access.Role{access.PrivacyOfficer}}
	otto  = &access.Person{Subject: "oidc:4@idp", Email: "otto@example.com", Roles: []access.Role{access.Operator}}
)

func newSpine(t *testing.T) *spine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dir, s := t.TempDir(), &spine{known: map[string][]string{}}
	var err error
	if s.journal, err = journal.Open(ctx, dir, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if s.content, err = content.Open(ctx, dir, content.Options{Keyring: keys}); err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	if err != nil {
		t.Fatal(err)
	}
	id := keys.IDKey()
	s.door = intake.New(s.journal, s.content, policy, id[:])
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.journal.Run(ctx) })
	wg.Go(func() { _ = s.content.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := errors.Join(s.content.Close(), s.journal.Close()); err != nil {
			t.Error(err)
		}
	})
	book := hold.NewBook(func(id string) (string, bool) { return "matter", strings.HasPrefix(id, "C-") })
	state, err := acts.Load(ctx, dir, acts.Key{}, s.journal.Reader(), book)
	if err != nil {
		t.Fatal(err)
	}
	s.eraser = erasure.New(s.journal, s.content, s.door)
	s.deps = hold.Deps{Book: book, Acts: state, Door: s.door, Journal: s.journal.Reader(), Still: s.eraser.Still,
		Known: func(_ context.Context, id string) ([]string, error) { return s.known[id], nil }}
	s.keeper = hold.NewKeeper(s.deps)
	s.eraser.Held = s.keeper.Refuse
	return s
}

// keeperThat is a keeper over the same book for which some see cases.
func (s *spine) keeperThat(t *testing.T, sees func(by *access.Person, caseID string, now time.Time) bool) *hold.Keeper {
	t.Helper()
	d := s.deps
	d.Sees = sees
	return hold.NewKeeper(d)
}

// say delivers a record of a container, by an account if any, on a day of November, with texts.
func (s *spine) say(t *testing.T, container, email string, day int, texts ...string) uint64 {
	t.Helper()
	at := time.Date(2026, 11, day, 8, 0, 0, 0, time.UTC)
	s.said++
	d := intake.Draft{Form: fmt.Append(nil, s.said), Record: &audit.Record{
		Normaliser: "test/1", Source: audit.SourceOTelLog, Surface: audit.SurfaceClaudeCode, Activity: audit.ActivityPrompt, Type: "user_prompt",
		Outcome: audit.OutcomeSuccess, Occurred: at, Container: container, Account: audit.Account{Asserted: audit.Identity{Email: email}},
	}}
	for _, text := range texts {
		d.Pieces = append(d.Pieces, intake.Piece{Name: "prompt", Class: audit.ClassText, Kind: audit.KindString, Value: []byte(text)})
	}
	r, err := s.door.Submit(context.Background(), intake.Delivery{Drafts: []intake.Draft{d}})
	if err != nil {
		t.Fatal(err)
	}
	return r.Seqs[0]
}

func (s *spine) set(t *testing.T, scope hold.Scope) hold.Hold {
	t.Helper()
	h, err := s.keeper.Set(context.Background(), carla, hold.NewHold{Case: "C-1", Scope: scope, Reason: "complaint"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var order = erasure.Order{By: audit.Identity{OSUser: "otto"}, Reason: "asked"}

func (s *spine) wantHeld(t *testing.T, seq uint64, held bool) {
	t.Helper()
	_, err := s.eraser.Record(context.Background(), seq, order)
	if held != errors.Is(err, erasure.ErrHeld) || !held && err != nil {
		t.Errorf("erase record %d: %v, want held %v", seq, err, held)
	}
}

func TestCustodian(t *testing.T) {
	t.Parallel()
	s, ctx := newSpine(t), context.Background()
	reply := s.say(t, "session/-/d", "", 3, "a reply that names nobody, and comes first")
	prompt := s.say(t, "session/-/d", "dana@example.com", 3, "a prompt")
	early := s.say(t, "session/-/d", "dana@example.com", 1, "before the time")
	shares := s.say(t, "session/-/d", "dana@example.com", 1, "a prompt")
	other := s.say(t, "session/-/l", "lee@example.com", 3, "another's")
	// The clock of records is that of delivery, so the date range ends before it: nothing counts by when it was recorded.
	h := s.set(t, hold.Scope{Custodians: []string{"Dana@example.com"}, From: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 4, 0, 0, 0, 0, time.UTC)})
	if h.ID != "H-2026-0001" && !strings.HasSuffix(h.ID, "-0001") || h.State != hold.Active || h.Custodians[0] != "dana@example.com" {
		t.Errorf("%+v", h)
	}
	s.wantHeld(t, reply, true)
	s.wantHeld(t, prompt, true)
	s.wantHeld(t, shares, true) // its words are those of a held record
	s.wantHeld(t, early, false)
	s.wantHeld(t, other, false)
	if _, err := s.eraser.Container(ctx, "session/-/d", order); !errors.Is(err, erasure.ErrHeld) || strings.Contains(err.Error(), "C-1") || strings.Contains(err.Error(), "dana") {
		t.Errorf("a container of which a record is held: %v", err)
	}
	if _, err := s.eraser.Container(ctx, "session/-/l", order); err != nil {
		t.Errorf("another's container: %v", err)
	}
	// What comes later is covered, too, and so is what comes before its container is known to be the custodian's.
	lateReply := s.say(t, "session/-/new", "", 3, "shared words")
	s.wantHeld(t, s.say(t, "session/-/x", "", 3, "moves the keeper on"), false)
	s.say(t, "session/-/new", "dana@example.com", 3, "then a prompt")
	outside := s.say(t, "session/-/new", "", 1, "shared words")
	s.wantHeld(t, outside, true)
	s.wantHeld(t, lateReply, true)
}

func TestKnownAs(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	old := s.say(t, "session/-/a", "dana.old@example.com", 3, "x")
	s.set(t, hold.Scope{Custodians: []string{"dana@example.com"}})
	s.known["dana@example.com"] = []string{"dana@example.com", "dana.old@example.com"}
	s.wantHeld(t, old, true)
}

func TestObjects(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	a, b, c := s.say(t, "session/-/a", "", 3, "a"), s.say(t, "session/-/b", "", 3, "b"), s.say(t, "session/-/b", "", 3, "b")
	free := s.say(t, "session/-/b", "", 3, "free")
	s.set(t, hold.Scope{Containers: []string{"session/-/a"}})
	s.set(t, hold.Scope{Records: []uint64{b}})
	s.wantHeld(t, a, true)
	s.wantHeld(t, b, true)
	s.wantHeld(t, c, true) // the same words in the same container are the same block
	s.wantHeld(t, free, false)
	ids, err := s.keeper.Covers(context.Background(), erasure.Target{Container: "session/-/b"})
	if err != nil || len(ids) != 1 || !strings.HasSuffix(ids[0], "-0002") {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestSurfacesOfEverybody(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	seq := s.say(t, "session/-/a", "lee@example.com", 3, "a")
	s.set(t, hold.Scope{Surfaces: []audit.Surface{audit.SurfaceCowork}})
	s.wantHeld(t, s.say(t, "session/-/b", "", 3, "b"), false)
	s.set(t, hold.Scope{Surfaces: []audit.Surface{audit.SurfaceClaudeCode}})
	s.wantHeld(t, seq, true)
}

// TestRelease: two people release, then what was held can be erased.
func TestRelease(t *testing.T) {
	t.Parallel()
	s, ctx := newSpine(t), context.Background()
	seq := s.say(t, "session/-/a", "", 3, "a")
	h := s.set(t, hold.Scope{Records: []uint64{seq}})
	wants := func(why string, err error, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", why, err, want)
		}
	}
	_, err := s.keeper.Set(ctx, petra, hold.NewHold{Case: "C-1", Scope: hold.Scope{Records: []uint64{seq}}, Reason: "x"})
	wants("set by a privacy officer", err, access.ErrForbidden)
	_, err = s.keeper.AskRelease(ctx, otto, h.ID, "")
	wants("asked for by an operator", err, access.ErrForbidden)
	_, err = s.keeper.Release(ctx, petra, h.ID, "")
	wants("released before it was asked for", err, hold.ErrState)
	if h, err = s.keeper.AskRelease(ctx, carla, h.ID, "settled"); err != nil || h.State != hold.Releasing {
		t.Fatalf("%+v, %v", h, err)
	}
	s.wantHeld(t, seq, true)
	_, err = s.keeper.Release(ctx, carla, h.ID, "")
	wants("released by who asked", err, hold.ErrPerson)
	token := *carla
	token.Via, token.Token, token.Roles = access.ViaToken, "script", []access.Role{access.Counsel, access.PrivacyOfficer}
	_, err = s.keeper.Release(ctx, &token, h.ID, "")
	wants("released by a token of who asked", err, hold.ErrPerson)
	if h, err = s.keeper.Release(ctx, petra, h.ID, ""); err != nil || h.State != hold.Released || h.AskedBy.Email != carla.Email || h.ReleasedBy.Email != petra.Email {
		t.Fatalf("%+v, %v", h, err)
	}
	_, err = s.keeper.Keep(ctx, petra, h.ID, "")
	wants("kept after release", err, hold.ErrState)
	s.wantHeld(t, seq, false)
	if _, err := s.keeper.List(ctx, otto); !errors.Is(err, access.ErrForbidden) {
		t.Errorf("listed by an operator: %v", err)
	}
	list, err := s.keeper.List(ctx, petra)
	if err != nil || len(list) != 1 || !slices.Equal(list[0].Records, []uint64{seq}) {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestReasonIsContent: what counsel writes stands in no record.
func TestReasonIsContent(t *testing.T) {
	t.Parallel()
	s := newSpine(t)
	h := s.set(t, hold.Scope{Custodians: []string{"dana@example.com"}})
	stored, err := s.journal.Reader().Get(context.Background(), h.Seq)
	if err != nil || strings.Contains(string(stored[0].Bytes), "complaint") {
		t.Errorf("%s, %v", stored[0].Bytes, err)
	}
}
