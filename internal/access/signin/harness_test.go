package signin_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// spine is a real journal behind a real door.
type spine struct {
	dir     string
	journal *journal.Journal
	door    *intake.Door
	health  *health.Registry
	key     [32]byte
	now     func() time.Time // nil: the clock
}

func newSpine(t *testing.T) *spine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &spine{dir: t.TempDir(), health: new(health.Registry)}
	var err error
	if s.journal, err = journal.Open(ctx, s.dir, journal.Options{}); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	s.key = keys.StateKey()
	store, err := content.Open(ctx, s.dir, content.Options{Keyring: keys})
	if err != nil {
		t.Fatal(err)
	}
	policy, err := capture.New(capture.Config{})
	if err != nil {
		t.Fatal(err)
	}
	id := keys.IDKey()
	s.door = intake.New(s.journal, store, policy, id[:])
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.journal.Run(ctx) })
	wg.Go(func() { _ = store.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := errors.Join(store.Close(), s.journal.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// start makes a Service as a process that starts would.
func (s *spine) start(t *testing.T, cfg signin.Config) *signin.Service {
	t.Helper()
	return s.startWith(t, cfg, func(*signin.Deps) {})
}

func (s *spine) startWith(t *testing.T, cfg signin.Config, change func(*signin.Deps)) *signin.Service {
	t.Helper()
	book := signin.NewBook()
	state, err := acts.Load(context.Background(), s.dir, acts.Key{}, s.journal.Reader(), book)
	if err != nil {
		t.Fatal(err)
	}
	deps := signin.Deps{Dir: s.dir, StateKey: &s.key, Acts: state, Book: book, Door: s.door, Owner: "tripod", Health: s.health, Now: s.now}
	change(&deps)
	svc, err := signin.New(context.Background(), cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = svc.Close() })
	return svc
}

// records lists the records of a type.
func (s *spine) records(t *testing.T, typ string) []*audit.Record {
	t.Helper()
	reader := s.journal.Reader()
	last, err := reader.Last(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var list []*audit.Record
	for stored, err := range reader.Scan(context.Background(), 1, last) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := stored.Record()
		if err != nil {
			t.Fatal(err)
		}
		if r.Type == typ {
			list = append(list, r)
		}
	}
	return list
}

// people are a configuration of people of this machine.
func people() signin.Config {
	return signin.Config{Local: []signin.Local{
		{OSUser: "priya", Email: "Priya@example.com", Name: "Priya", Roles: []access.Role{access.PrivacyOfficer}},
		{OSUser: "ana", Email: "ana@example.com", Roles: []access.Role{access.Analyst}},
		{OSUser: "root2", Email: "root2@example.com", Roles: []access.Role{access.Administrator}},
	}}
}

// enter signs somebody of this machine in.
func enter(t *testing.T, svc *signin.Service, login string) (string, *signin.Session) {
	t.Helper()
	who, err := svc.Local(login)
	if err != nil {
		t.Fatal(err)
	}
	code, err := svc.Link(context.Background(), who)
	if err != nil {
		t.Fatal(err)
	}
	secret, sess, err := svc.Redeem(context.Background(), code, signin.From{IP: "192.0.2.1", Agent: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return secret, sess
}
