package backup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/journal"
)

// Conditions a Service raises.
const (
	ConditionFailed   = "backup.failed"   // the last backup was not made
	ConditionBehind   = "backup.behind"   // the last good one is too long ago
	ConditionErasures = "backup.erasures" // an erasure is not in the repository yet
)

// Config is the section backup of the configuration.
type Config struct {
	// Repository is a directory on a mounted volume; empty makes no backups.
	Repository string `yaml:"repository"`
	// Every is how often one is made; 24h where nothing is said.
	Every time.Duration `yaml:"every"`
	// Recipients are public keys of age (age1…) to which everything is sealed.
	Recipients []string `yaml:"recipients"`
	// KeysTo are those to which wrapped keys and the ledger's signing key are sealed, where they are others.
	KeysTo []string `yaml:"keys_to"`
	// Keep is how long a backup stays; empty is for ever. The newest stays.
	Keep time.Duration `yaml:"keep"`
	// KeepKeys is how long a file of wrapped keys stays: as long can what was erased be read again from old parts. 720h where nothing is said.
	KeepKeys time.Duration `yaml:"keep_keys"`
}

// DefaultConfig is what holds where nothing else is said.
func DefaultConfig() Config { return Config{Every: 24 * time.Hour, KeepKeys: DefaultKeepKeys} }

// Validate gathers every problem with its path.
func (c *Config) Validate() error {
	if c.Repository == "" {
		return nil
	}
	var errs []error
	if len(c.Recipients) == 0 {
		errs = append(errs, errors.New("backup.recipients: name a public key of age (age1…); tripod keys identity FILE makes one"))
	}
	if _, err := ParseRecipients(c.Recipients...); err != nil {
		errs = append(errs, fmt.Errorf("backup.recipients: %w", err))
	}
	if _, err := ParseRecipients(c.KeysTo...); err != nil {
		errs = append(errs, fmt.Errorf("backup.keys_to: %w", err))
	}
	if c.Every < time.Minute {
		errs = append(errs, fmt.Errorf("backup.every: %v is less than a minute", c.Every))
	}
	if c.Keep < 0 || c.KeepKeys < 0 {
		errs = append(errs, errors.New("backup.keep, backup.keep_keys: a period cannot be negative"))
	}
	return errors.Join(errs...)
}

// Follower waits for the journal's next records.
type Follower interface {
	Next(ctx context.Context) ([]journal.Stored, error)
}

// Deps are what a Service works with.
type Deps struct {
	// Make makes one backup and puts it on record.
	Make func(ctx context.Context) (*Report, error)
	// Source is what the lists of erasures are made from.
	Source Source
	// Follow follows the journal from a position on.
	Follow     func(from uint64) Follower
	Health     *health.Registry
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil registers nothing
}

// Service makes backups by the clock, and lists each erasure in the repository within moments. It is driven by Run.
type Service struct {
	cfg  Config
	deps Deps
	to   Recipients

	mu   sync.Mutex
	last time.Time // of the last good backup; guarded by mu
}

// NewService makes a service of a valid configuration.
func NewService(cfg Config, deps Deps) (*Service, error) {
	to, err := ParseRecipients(cfg.Recipients...)
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, deps: deps, to: to}
	if s.deps.Logger == nil {
		s.deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Registerer == nil {
		return s, nil
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tripod_backup_last_success_seconds", Help: "When the last good backup was made, Unix time; 0 where there is none.",
	}, func() float64 {
		if at := s.Last(); !at.IsZero() {
			return float64(at.Unix())
		}
		return 0
	})
	if err := deps.Registerer.Register(gauge); err != nil {
		return nil, fmt.Errorf("register metrics of backups: %w", err)
	}
	return s, nil
}

// Last is when the last good backup was made; zero where none is known.
func (s *Service) Last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// retryEvery is how long a backup that failed waits, unless the next is due before.
const retryEvery = 10 * time.Minute

// Run serves until the context ends, which is no error.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.schedule(ctx) })
	g.Go(func() error { return s.watch(ctx) })
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// schedule makes a backup when the last one is old enough.
func (s *Service) schedule(ctx context.Context) error {
	if m, err := s.newest(); err == nil {
		s.made(m.Time)
	} else if !errors.Is(err, ErrNoBackup) {
		s.failed(ctx, err)
	}
	for next := s.Last().Add(s.cfg.Every); ; {
		wait := time.NewTimer(max(0, time.Until(next)))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil
		case <-wait.C:
		}
		report, err := s.deps.Make(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.failed(ctx, err)
			next = time.Now().Add(min(retryEvery, s.cfg.Every))
		default:
			s.deps.Health.Clear(ConditionFailed)
			s.deps.Health.Clear(ConditionBehind)
			s.made(report.Time)
			s.deps.Logger.InfoContext(ctx, "backup made", "id", report.ID, "position", report.Position, "new_parts", report.New, "bytes", report.NewBytes)
			next = report.Time.Add(s.cfg.Every)
		}
	}
}

func (s *Service) newest() (*Manifest, error) {
	r, err := OpenRepository(s.cfg.Repository)
	if err != nil {
		return nil, err
	}
	return r.Newest()
}

func (s *Service) made(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = at
}

// failed says that a backup was not made, and whether the last good one is too long ago.
func (s *Service) failed(ctx context.Context, err error) {
	s.deps.Logger.ErrorContext(ctx, "backup not made", "error", err)
	s.deps.Health.Raise(ConditionFailed, health.Warning, "the last backup was not made, trying again: "+err.Error())
	last, since := s.Last(), "there is no good backup"
	if !last.IsZero() {
		if time.Since(last) < 2*s.cfg.Every {
			return
		}
		since = "the last good backup is of " + last.UTC().Format(time.RFC3339)
	}
	s.deps.Health.Raise(ConditionBehind, health.Critical, since+": what came since exists once; see "+ConditionFailed)
}

// watch lists erasures as they are completed. What was completed before it began is listed by the next backup, and from the
// last backup's position on by watch itself.
func (s *Service) watch(ctx context.Context) error {
	from := uint64(1)
	if m, err := s.newest(); err == nil {
		from = m.Position + 1
	}
	if last, err := s.deps.Source.Journal.Last(ctx); err != nil {
		return err
	} else if from > last+1 {
		from = 1 // the ledger went back
	}
	follower := s.deps.Follow(from)
	for {
		batch, err := follower.Next(ctx)
		var damage *journal.CorruptError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &damage):
			continue
		case err != nil:
			return fmt.Errorf("follow erasures: %w", err)
		}
		for i := range batch {
			if _, ok := completes(&batch[i]); ok && !s.list(ctx, &batch[i]) {
				return nil
			}
		}
	}
}

// list lists one erasure, and goes on trying; false is the end of the context.
func (s *Service) list(ctx context.Context, stored *journal.Stored) bool {
	for {
		err := s.listOnce(ctx, stored)
		if err == nil {
			s.deps.Health.Clear(ConditionErasures)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.deps.Health.Raise(ConditionErasures, health.Warning, "an erasure is not in the repository of backups yet, and a restore would not know of it; trying again: "+err.Error())
		select {
		case <-ctx.Done():
			return false
		case <-time.After(30 * time.Second):
		}
	}
}

func (s *Service) listOnce(ctx context.Context, stored *journal.Stored) error {
	r, err := OpenRepository(s.cfg.Repository) // never made here: where its volume is not mounted, the list would be lost under it
	if err != nil {
		return err
	}
	_, err = r.listErasure(ctx, s.deps.Source, s.to, stored)
	return err
}
