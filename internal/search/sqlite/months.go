package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/tripod-audit/tripod/internal/search"
)

// openMonths bounds the months kept open while nobody uses them: two years, which most queries stay within.
const openMonths = 25

// months opens months when they are needed and closes those that have not been used for longest.
type months struct {
	dir      string
	writable bool

	mu     sync.Mutex
	open   map[string]*month // guarded by mu
	clock  int64             // guarded by mu; orders uses
	closed bool              // guarded by mu
	idle   sync.Cond         // signalled when a month is released
}

func newMonths(dir string, writable bool) *months {
	ms := &months{dir: dir, writable: writable, open: make(map[string]*month)}
	ms.idle.L = &ms.mu
	return ms
}

// monthFiles lists the months a folder has files of, oldest first.
func monthFiles(dir string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list search index: %w", err)
	}
	var names []string
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), ".db")
		if _, _, err := monthBounds(name); ok && err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// acquire returns a month, opened; release it. A reader gets an error wrapping fs.ErrNotExist for one that is missing.
func (ms *months) acquire(ctx context.Context, name string) (*month, error) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if ms.closed {
		return nil, search.ErrClosed
	}
	m, ok := ms.open[name]
	if !ok {
		if !ms.writable {
			if _, err := os.Stat(filepath.Join(ms.dir, name+".db")); err != nil {
				return nil, fmt.Errorf("search index lacks a month, run tripod rebuild search: %w", err)
			}
		}
		var err error
		if m, err = openMonth(ctx, ms.dir, name, ms.writable); err != nil {
			return nil, err
		}
		ms.open[name] = m
	}
	m.refs++
	if !ok {
		if err := ms.evict(); err != nil {
			m.refs--
			return nil, err
		}
	}
	return m, nil
}

func (ms *months) release(m *month) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	m.refs--
	ms.clock++
	m.used = ms.clock
	ms.idle.Broadcast()
}

// evict closes idle months above openMonths. Callers hold mu.
func (ms *months) evict() error {
	for len(ms.open) > openMonths {
		var oldest *month
		for _, m := range ms.open {
			if m.refs == 0 && (oldest == nil || m.used < oldest.used) {
				oldest = m
			}
		}
		if oldest == nil {
			return nil
		}
		delete(ms.open, oldest.name)
		if err := oldest.close(); err != nil {
			return fmt.Errorf("close search index of %s: %w", oldest.name, err)
		}
	}
	return nil
}

// close waits until nobody uses a month and closes all.
func (ms *months) close() error {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.closed = true
	var errs []error
	for name, m := range ms.open {
		for m.refs > 0 {
			ms.idle.Wait()
		}
		errs = append(errs, m.close())
		delete(ms.open, name)
	}
	return errors.Join(errs...)
}
