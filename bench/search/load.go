package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/search"
	"github.com/tripod-audit/tripod/internal/search/follow"
	"github.com/tripod-audit/tripod/internal/search/sqlite"
)

// size is one loaded journal and index, and what loading took.
type size struct {
	records  int
	journal  *journal.Reader
	index    *sqlite.Index
	sessions []string
	requests []string

	appendTime, indexTime, applyTime time.Duration
	journalBytes, indexBytes         int64
	peak                             int64 // resident bytes at most while loading and indexing
}

func (s *size) close() {
	_ = s.index.Close()
	_ = s.journal.Close()
}

// load makes a journal of so many records and indexes it as tripod rebuild does.
func load(ctx context.Context, dir string, records int, o options) (*size, error) {
	s := &size{records: records}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.fill(ctx, dir, o); err != nil {
		return nil, fmt.Errorf("fill journal: %w", err)
	}
	if err := s.build(ctx, dir); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	var err error
	if s.journal, err = journal.OpenReader(ctx, dir); err != nil {
		return nil, err
	}
	if s.index, err = sqlite.OpenReader(ctx, filepath.Join(dir, "index")); err != nil {
		return nil, err
	}
	s.journalBytes, s.indexBytes = sizeOf(filepath.Join(dir, "journal.db*")), sizeOf(filepath.Join(dir, "index", "*"))
	return s, nil
}

const batch = 1000

func (s *size) fill(ctx context.Context, dir string, o options) (err error) {
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- j.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-running, j.Close())
	}()
	g := newGenerator(o.seed, s.records, o.users)
	begin := time.Now()
	var entries []journal.Entry
	for done := 0; done < s.records; {
		entries = entries[:0]
		for len(entries) < batch {
			rec := g.record()
			if rec == nil {
				break
			}
			e := journal.Entry{Record: rec, Bytes: rec.AppendCanonical(nil)}
			binary.LittleEndian.PutUint64(e.ID[:], uint64(done+len(entries)+1))
			entries = append(entries, e)
		}
		if _, err := j.Append(ctx, journal.Batch{Entries: entries}); err != nil {
			return err
		}
		if done += len(entries); done%1_000_000 == 0 {
			progress("%d records in the journal, %.0f/s", done, float64(done)/time.Since(begin).Seconds())
		}
	}
	s.appendTime = time.Since(begin)
	s.sessions, s.requests = g.sample, g.requests
	return nil
}

// build indexes the journal and tells apart what reading it took and what the index did.
func (s *size) build(ctx context.Context, dir string) error {
	j, err := journal.Open(ctx, dir, journal.Options{})
	if err != nil {
		return err
	}
	defer j.Close()
	ix, err := sqlite.Open(ctx, filepath.Join(dir, "index"))
	if err != nil {
		return err
	}
	f := follow.New(j.Follow(1))
	begin := time.Now()
	var page []search.Entry
	for at := 0; at < s.records; {
		more, err := f.Next(ctx)
		if err != nil {
			return errors.Join(err, ix.Close())
		}
		page = append(page, more...)
		at += len(more)
		if len(page) < 8192 && at < s.records {
			continue
		}
		start := time.Now()
		if err := ix.Apply(ctx, page); err != nil {
			return errors.Join(err, ix.Close())
		}
		s.applyTime += time.Since(start)
		page = page[:0]
	}
	s.indexTime = time.Since(begin)
	s.peak = peakMemory()
	progress("%d records indexed: %.0f/s with reading the journal, %.0f/s in the index alone", s.records,
		float64(s.records)/s.indexTime.Seconds(), float64(s.records)/s.applyTime.Seconds())
	return ix.Close()
}

func sizeOf(pattern string) (n int64) {
	files, _ := filepath.Glob(pattern) // the pattern is ours and well formed
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			n += info.Size()
		}
	}
	return n
}

// peakMemory is the most this process ever had resident, in bytes; 0 where the system does not say.
func peakMemory() (bytes int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range lines(status) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); err == nil {
			return bytes << 10
		}
	}
	return 0
}
