package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/secret"
)

// Deps are what a Service needs of its surroundings. StateKey, Acts, Book and Door are required.
type Deps struct {
	// Dir is where the state file is; "" keeps sign-ins in memory alone, for a command that only asks who gives it.
	Dir      string
	StateKey *[32]byte // seals the state file
	Acts     *acts.State
	Book     *Book // one of the folds of Acts
	Door     acts.Recorder
	// Owner is the login name of who owns the data directory: the bootstrap administrator.
	Owner string
	// Callback is the address that the identity provider sends people back to, exactly as it is registered there.
	Callback string
	// Home is where it sends people who signed out; "" tells it nowhere.
	Home string
	// NotBefore is a time that is known to have passed, such as that of the journal's last record.
	NotBefore time.Time
	// ClientSecret reads the secret that the configuration names; nil where it names none.
	ClientSecret func(context.Context) (secret.String, error)
	Health       *health.Registry
	Logger       *slog.Logger     // nil: silent
	Now          func() time.Time // nil: the machine's clock
}

// Service signs people in.
type Service struct {
	deps   Deps
	clock  *clock
	state  *stateFile
	limits *limits
	oidc   *provider // nil where none is configured

	mu      sync.Mutex
	cfg     Config
	table   table
	links   []invitation // oldest first
	flights *flights
	logouts logouts
	round   int            // grows with each EndAll
	ends    map[string]int // by subject, "" for everybody: the round of the last, so that what was under way before one comes to nothing
	over    bool           // see Book
}

// New makes a Service and takes up the sign-ins of the state file. It asks no provider anything; Run does.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.StateKey == nil || deps.Acts == nil || deps.Book == nil || deps.Door == nil {
		return nil, errors.New("sign-in: a key, acts, their book and a door are required")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{deps: deps, cfg: cfg.withDefaults(), clock: newClock(deps.Now, deps.NotBefore, deps.Logger), limits: newLimits(), table: table{make(map[digest]*Session)}, flights: newFlights(), ends: make(map[string]int)}
	var err error
	if s.cfg.OIDC.Issuer != "" {
		if s.oidc, err = newProvider(s.cfg.OIDC, deps, s.clock.now); err != nil {
			return nil, fmt.Errorf("sign-in: %w", err)
		}
	}
	if deps.Dir == "" {
		return s, s.takeUp(ctx)
	}
	if s.state, err = openStateFile(ctx, deps.Dir, deps.StateKey); err != nil {
		return nil, err
	}
	if err := s.takeUp(ctx); err != nil {
		return nil, fmt.Errorf("read sign-ins: %w", errors.Join(err, s.state.close()))
	}
	return s, nil
}

// Close closes the state file. Run has ended before.
func (s *Service) Close() error { return s.state.close() }

// takeUp reads the state file. What is forged, over or ended is removed.
func (s *Service) takeUp(ctx context.Context) error {
	list, broken, err := s.state.load(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		s.deps.Logger.WarnContext(ctx, "sign-ins were dropped: they were altered, or sealed under another master key", "number", len(broken))
		s.deps.Health.Raise(conditionState, health.Warning,
			fmt.Sprintf("%d sign-ins in %s were dropped at the start: somebody altered them, or the master key is another one", len(broken), FileName))
	}
	now := s.clock.now()
	return s.deps.Acts.Within(ctx, func(time.Time) error {
		s.over = s.deps.Book.over
		for _, x := range list {
			if s.deps.Book.has(x) || !now.Before(x.Until) || x.idle(now, s.cfg.Idle) || s.clock.before || x.Until.Sub(x.Began) > MaxSession || x.Began.After(now.Add(time.Minute)) {
				broken = append(broken, x.ID)
				continue
			}
			s.table.byDigest[x.digest] = x
		}
		for _, x := range s.narrow() {
			broken = append(broken, x.ID)
		}
		for _, id := range broken {
			s.forget(ctx, id)
		}
		return nil
	})
}

// forget removes a row of the state file. One that stays is told by its record to have ended.
func (s *Service) forget(ctx context.Context, id string) {
	if err := s.state.remove(ctx, id); err != nil {
		s.deps.Logger.WarnContext(ctx, "a sign-in that has ended is still in the state file", "error", err)
	}
}

// Run keeps in touch with the identity provider, and lets go of what has run out, until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	s.tellKept(ctx)
	sweep := time.NewTicker(time.Minute)
	defer sweep.Stop()
	for {
		next := make(<-chan time.Time)
		if s.oidc != nil {
			next = time.After(s.oidc.refresh(ctx))
		}
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				s.save(context.WithoutCancel(ctx))
				return nil
			case <-sweep.C:
				s.sweep(ctx)
			case <-next:
				waiting = false
			}
		}
	}
}

// tellKept puts on record that the configuration keeps the bootstrap administrator.
func (s *Service) tellKept(ctx context.Context) {
	if _, err := s.deps.Acts.Decide(ctx, s.deps.Door, func(time.Time) (intake.Act, error) {
		if !s.deps.Book.over || !s.config().Bootstrap || s.oidc == nil {
			return intake.Act{}, nil
		}
		return intake.Act{Type: TypeKept, Activity: audit.ActivityOperation, Account: audit.Identity{OSUser: s.deps.Owner}}, nil
	}); err != nil {
		s.deps.Logger.WarnContext(ctx, "that the bootstrap administrator is kept is not on record", "error", err)
	}
}

// sweep lets go of what has run out.
func (s *Service) sweep(ctx context.Context) {
	if s.clock.isBack() { // what is left of which sign-in, nobody can tell any more
		if _, err := s.EndAll(ctx, "", nil); err != nil {
			s.deps.Logger.WarnContext(ctx, "the clock was set back", "error", err)
		}
		s.clock.reset()
	}
	now := s.clock.now()
	s.mu.Lock()
	gone := s.table.take(func(x *Session) bool { return !now.Before(x.Until) })
	idle := s.table.take(func(x *Session) bool { return x.idle(now, s.cfg.Idle) })
	s.mu.Unlock()
	for _, x := range gone {
		s.forget(ctx, x.ID)
	}
	for _, x := range idle {
		if err := s.recordEnd(ctx, x, "idle", identity(nil)); err != nil {
			s.deps.Logger.WarnContext(ctx, "the end of a sign-in is not on record", "error", err)
		}
	}
	s.save(ctx)
	if !s.limits.spent(From{}) {
		s.deps.Health.Clear(conditionMany)
	}
}

// save keeps when sign-ins were last used, so that none is idle for longer over a restart.
func (s *Service) save(ctx context.Context) {
	s.mu.Lock()
	var used []*Session
	for _, x := range s.table.byDigest {
		if x.used.at.Load() != x.used.saved.Load() {
			used = append(used, x)
		}
	}
	s.mu.Unlock()
	for _, x := range used {
		if err := s.state.put(ctx, x); err != nil {
			s.deps.Logger.WarnContext(ctx, "when a sign-in was last used is not in the state file", "error", err)
		}
	}
}

func (s *Service) config() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// Lookup finds the sign-in of a cookie, which is used by that.
func (s *Service) Lookup(secret string) (*Session, bool) {
	x, ok := s.Peek(secret)
	if ok {
		x.used.at.Store(s.clock.now().UnixNano())
	}
	return x, ok
}

// Peek is Lookup for what a page asks by itself: nobody need be there, and the sign-in goes on being idle.
func (s *Service) Peek(secret string) (*Session, bool) {
	d, now := digestOf(secret), s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.table.byDigest[d]
	if x == nil || !s.lives(x, now) {
		return nil, false
	}
	return x, true
}

// lives reports whether a sign-in of the table is good. s.mu is held.
func (s *Service) lives(x *Session, now time.Time) bool {
	return now.Before(x.Until) && !x.idle(now, s.cfg.Idle) && (!x.bootstrap || !s.isOver())
}

// Sessions lists who is signed in, the newest first.
func (s *Service) Sessions() []Session {
	now := s.clock.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Session
	for _, x := range s.table.byDigest {
		if s.lives(x, now) {
			list = append(list, *x)
		}
	}
	slices.SortFunc(list, func(a, b Session) int { return b.Began.Compare(a.Began) })
	return list
}

// isOver reports whether the bootstrap administrator is no more. s.mu is held.
func (s *Service) isOver() bool { return s.oidc != nil && s.over && !s.cfg.Bootstrap }

// admit signs somebody in: on record first, and only if no EndAll came after round.
func (s *Service) admit(ctx context.Context, round int, x *Session) (cookie string, err error) {
	cookie, x.ID, x.CSRF = newSecret(), rand.Text(), newSecret()
	x.digest, x.From, x.used = digestOf(cookie), x.From.cut(), usedAt(x.Began)
	p := &x.Person
	act := intake.Act{Type: TypeEnter, Activity: audit.ActivitySignIn, Account: p.Identity(), Attributes: audit.Attrs{
		attr(attrSession, x.ID), attr(attrVia, string(p.Via)), attr(attrRoles, joined(p.Roles)), attr(attrFrom, x.From.IP),
	}}
	if x.seq, err = s.deps.Door.Record(ctx, act, nil); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnrecorded, err)
	}
	s.mu.Lock()
	if s.endedSince(round, p.Subject) {
		s.mu.Unlock()
		return "", ErrNobody
	}
	gone := s.table.put(x)
	s.mu.Unlock()
	for _, old := range gone {
		if err := s.recordEnd(ctx, old, "too_many", p.Identity()); err != nil {
			s.deps.Logger.WarnContext(ctx, "the end of a sign-in is not on record", "error", err)
		}
	}
	if err := s.state.put(ctx, x); err != nil {
		s.deps.Logger.WarnContext(ctx, "a sign-in will not outlast this process: it could not be written to the state file", "error", err)
	}
	return cookie, nil
}
