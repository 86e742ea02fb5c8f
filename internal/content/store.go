package content

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tripod-audit/tripod/internal/health"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// DefaultMaxBlock is the default of Options.MaxBlock, in bytes.
const DefaultMaxBlock = 8 << 20

// Conditions this package raises.
const (
	conditionFull    = "content.full"
	conditionFailing = "content.failing"
	conditionDamaged = "content.damaged"
)

// Options configure a Store or a Reader.
type Options struct {
	Keyring  keyring.Wrapper  // wraps the keys of containers; required, but for a Reader that only asks for State
	Logger   *slog.Logger     // nil discards
	Health   *health.Registry // nil keeps nothing
	MaxBlock int              // longest plaintext taken, in bytes; 0 is DefaultMaxBlock, the limit is 256 MiB
	Now      func() time.Time // the clock, for tests of one that leaps; nil is time.Now
}

// Store writes and erases content. All methods may be called concurrently; those that write need Run to be running and
// wait for it.
type Store struct {
	log      *slog.Logger
	health   *health.Registry
	maxBlock int
	master   keyring.Wrapper
	codec    *codec
	reader   *Reader
	keyCache *keyCache
	held     *held

	queue   chan request
	running atomic.Bool
	stopped chan struct{} // closed when Run returns

	now           func() time.Time
	maxCandidates int // of a sweep

	erasing  sync.Mutex              // held by an erasure: one at a time
	sweeping sync.Mutex              // held by a sweep: one at a time
	step     func(name string) error // called between the steps of an erasure; tests cut it short there

	// What follows belongs to the goroutine of Run.
	content, keys *writer
	nextBlock     int64
	retired       map[int64]struct{} // keys under which nothing new is stored
	freshHour     int64
	freshKeys     map[int64]struct{} // keys that have their row in fresh for freshHour
	failing       error              // of the last commit
}

// Open opens the content store of a data directory for writing, creates it if need be, and completes erasures that were
// cut short after the destruction of their keys. Call Run to serve it and Close when Run has returned. The error wraps
// ErrNewer or ErrWrongKey where that is the cause.
func Open(ctx context.Context, dir string, opts Options) (*Store, error) {
	s, err := open(ctx, dir, opts)
	if err != nil {
		return nil, fmt.Errorf("open content store: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, dir string, opts Options) (_ *Store, err error) {
	if opts.Keyring == nil {
		return nil, errors.New("no keyring given")
	}
	s := &Store{
		log: opts.Logger, health: opts.Health, maxBlock: opts.MaxBlock, master: opts.Keyring,
		now: opts.Now, maxCandidates: maxCandidates, held: newHeld(), queue: make(chan request), stopped: make(chan struct{}),
		step: func(string) error { return nil }, retired: make(map[int64]struct{}), freshKeys: make(map[int64]struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.maxBlock <= 0 {
		s.maxBlock = DefaultMaxBlock
	}
	s.maxBlock = min(s.maxBlock, hardMaxBlock)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.codec, err = newCodec(); err != nil {
		return nil, err
	}
	if err := s.openFiles(ctx, dir); err != nil {
		return nil, err
	}
	if err := checkMaster(ctx, s.keys, s.master); err != nil {
		return nil, classify(err)
	}
	if s.reader, err = OpenReader(ctx, dir, opts); err != nil {
		return nil, err
	}
	return s, s.recover(ctx)
}

func (s *Store) openFiles(ctx context.Context, dir string) error {
	if err := makeDirs(dir); err != nil {
		return err
	}
	contentPath, keysPath := paths(dir)
	for _, f := range []struct {
		w          **writer
		path       string
		migrations []string
	}{{&s.keys, keysPath, keyMigrations}, {&s.content, contentPath, contentMigrations}} {
		db, err := openWriter(ctx, f.path, f.migrations)
		if err != nil {
			return err
		}
		if *f.w, err = newWriter(ctx, db); err != nil {
			return errors.Join(err, db.Close())
		}
	}
	return nil
}

// Reader returns a reader of the same store. It lives as long as the store.
func (s *Store) Reader() *Reader { return s.reader }

// Known reports whether a container ever got content, be it erased since.
func (s *Store) Known(ctx context.Context, container string) (bool, error) {
	keys, err := s.reader.keysOf(ctx, container)
	return len(keys) > 0, err
}

// Close closes the files. Run must have returned, or never have been called.
func (s *Store) Close() error {
	var err error
	if s.reader != nil {
		err = s.reader.Close()
	}
	for _, w := range []*writer{s.content, s.keys} {
		if w != nil {
			err = errors.Join(err, w.close())
		}
	}
	if err != nil {
		return fmt.Errorf("close content store: %w", err)
	}
	return nil
}
