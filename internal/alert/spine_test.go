package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/keyring"
)

var (
	ana     = &access.Person{Subject: "oidc:1@idp", Email: "ana@example.com", Roles: []access.Role{access.Analyst}}
	adam    = &access.Person{Subject: "oidc:2@idp", Email: "adam@example.com", Roles: []access.Role{access.Administrator}}
	day     = time.Now().UTC().Truncate(time.Millisecond).Add(-time.Hour)
	errAway = errors.New("the receiver is away")
)

// spine is an outbox over a real journal and real decisions, with firings and channels that the test makes.
type spine struct {
	t       *testing.T
	dir     string
	journal *journal.Journal
	deps    Deps
	cfg     Config
	list    firingList
	health  health.Registry
	outbox  *Outbox
	seen    uint64
}

type firingList struct {
	mu   sync.Mutex
	list []Firing
}

func (l *firingList) After(_ context.Context, p Place, limit int) (found []Firing, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.list {
		if (f.Seq > p.Seq || f.Seq == p.Seq && f.ID > p.ID) && len(found) < limit {
			found = append(found, f)
		}
	}
	return found, nil
}

func (l *firingList) Get(_ context.Context, id string) (Firing, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.list, func(f Firing) bool { return f.ID == id })
	if i < 0 {
		return Firing{}, false, nil
	}
	return l.list[i], true, nil
}

// heardBy is a channel that remembers.
type heardBy struct {
	mu     sync.Mutex
	got    []Message
	fail   error
	traits Traits
}

func (h *heardBy) Send(_ context.Context, m Message) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fail != nil {
		return h.fail
	}
	h.got = append(h.got, m)
	return nil
}
func (h *heardBy) Traits() Traits { return h.traits }
func (h *heardBy) Close() error   { return nil }

// events lists what it heard, as "EVENT SEVERITY COUNT".
func (h *heardBy) events() (list []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.got {
		list = append(list, fmt.Sprintf("%s %s %d", m.Event, m.Alert.Severity, m.Alert.Count))
	}
	return list
}

func newSpine(t *testing.T, cfg Config, channels map[string]Channel) *spine {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &spine{t: t, dir: t.TempDir(), cfg: cfg}
	var err error
	s.journal, err = journal.Open(ctx, s.dir, journal.Options{})
	must(t, err)
	keys, err := keyring.New(make([]byte, keyring.KeySize))
	must(t, err)
	store, err := content.Open(ctx, s.dir, content.Options{Keyring: keys})
	must(t, err)
	policy, err := capture.New(capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	must(t, err)
	id := keys.IDKey()
	door := intake.New(s.journal, store, policy, id[:])
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.journal.Run(ctx) })
	wg.Go(func() { _ = store.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		must(t, errors.Join(store.Close(), s.journal.Close()))
	})
	s.deps = Deps{Firings: &s.list, Door: door, Channels: channels, Key: [32]byte{1}, Health: &s.health, URL: func(id string) string { return "https://audit.example.com/alerts/" + id },
		Rule: func(id string) (Rule, bool) {
			return Rule{ID: id, Title: "SSO was turned off", Why: "Nobody has to prove who they are."}, true
		}}
	s.fold()
	for range 20 { // positions that firings can rest on
		_, err := door.Record(ctx, intake.Act{Type: "tripod.test", Activity: audit.ActivityOperation}, nil)
		must(t, err)
	}
	s.open()
	t.Cleanup(func() { must(t, s.outbox.Close()) })
	return s
}

// fold reads the decisions anew, as a start does.
func (s *spine) fold() {
	s.t.Helper()
	s.deps.Book = NewBook()
	var err error
	s.deps.Acts, err = acts.Load(context.Background(), s.dir, acts.Key{}, s.journal.Reader(), s.deps.Book)
	must(s.t, err)
}

func (s *spine) open() {
	s.t.Helper()
	var err error
	s.outbox, err = New(context.Background(), s.dir, s.cfg, s.deps)
	must(s.t, err)
	s.seen = 0
}

// reopen is a restart.
func (s *spine) reopen() {
	s.t.Helper()
	must(s.t, s.outbox.Close())
	s.fold()
	s.open()
}

// fire adds a firing and takes it in.
func (s *spine) fire(seq uint64, severity Severity, who string, at time.Time) {
	s.list.mu.Lock()
	s.list.list = append(s.list.list, Firing{ID: fmt.Sprintf("%032x", seq), Seq: seq, Rule: "sso-off", Title: "SSO off", Severity: severity, At: at, Recorded: at, Seqs: []uint64{seq},
		Group: map[string]string{"account": who}, Fields: map[string]string{"type": "org_sso_toggled"}, Count: 1, Sentence: who + "'s account turned SSO off"})
	s.list.mu.Unlock()
	s.round()
}

// round takes in what fired and sends what is due.
func (s *spine) round() {
	s.t.Helper()
	_, err := s.outbox.round(context.Background(), s.seen == 0, &s.seen)
	must(s.t, err)
	s.send()
}

func (s *spine) send() {
	s.t.Helper()
	for _, c := range s.outbox.senders {
		for range 20 {
			m, ok, err := c.next(context.Background())
			must(s.t, err)
			if !ok || time.Until(m.due) > 0 {
				break
			}
			_, err = c.step(context.Background())
			must(s.t, err)
		}
	}
}

// due makes everything that waits due now, as if its time had come.
func (s *spine) due() {
	s.t.Helper()
	_, err := s.outbox.store.db.Exec(`UPDATE messages SET due = 0`)
	must(s.t, err)
}

func (s *spine) alerts() []Alert {
	s.t.Helper()
	list, _, err := s.outbox.List(context.Background(), ana, Filter{})
	must(s.t, err)
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantEvents(t *testing.T, h *heardBy, want ...string) {
	t.Helper()
	if got := h.events(); !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func config(names ...string) Config {
	c := DefaultConfig()
	for _, n := range names {
		c.Channels = append(c.Channels, ChannelConfig{Name: n})
	}
	return c
}
