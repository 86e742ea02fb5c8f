package backup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Removed says what a backup removed from its repository.
type Removed struct {
	Backups int `json:"backups"`
	Keys    int `json:"keys"`
	Objects int `json:"objects"`
}

// prune removes backups and files of keys that are too old, and then what no manifest names. The newest stay. Erasures stay as
// long as there is a backup from before them.
func (r *Repository) prune(newest *Manifest, opts Options) (done Removed, err error) {
	ids, err := r.ids()
	if err != nil {
		return done, err
	}
	used := make(map[string]bool)
	oldest := newest.Position
	for _, id := range ids {
		m, err := r.Manifest(id)
		if err != nil {
			return done, fmt.Errorf("remove what is old: %w: nothing was removed, since nobody can tell what it uses", err)
		}
		if id != newest.ID && opts.Keep > 0 && m.Time.Before(newest.Time.Add(-opts.Keep)) {
			for _, path := range []string{r.path(backupsDir, id+".json"), r.path(backupsDir, id+".sig"), r.path(keysDir, id+".age"), r.path(keysDir, id+".master.age")} {
				if err := os.Remove(path); err != nil && !missing(err) {
					return done, fmt.Errorf("remove an old backup: %w", err)
				}
			}
			done.Backups++
			continue
		}
		if id != newest.ID && m.Time.Before(newest.Time.Add(-opts.KeepKeys)) {
			for _, suffix := range []string{".age", ".master.age"} {
				if err := os.Remove(r.path(keysDir, id+suffix)); err == nil {
					done.Keys++
				} else if !missing(err) {
					return done, fmt.Errorf("remove an old file of keys: %w", err)
				}
			}
		}
		oldest = min(oldest, m.Position)
		for _, p := range m.Parts {
			used[p.Object] = true
		}
	}
	if done.Objects, err = r.removeUnused(used); err != nil {
		return done, err
	}
	return done, r.forgetErasures(oldest)
}

// removeUnused removes objects that no manifest names, what an interrupted backup left included.
func (r *Repository) removeUnused(used map[string]bool) (n int, err error) {
	dirs, err := os.ReadDir(r.path(objectsDir))
	if err != nil {
		return 0, fmt.Errorf("list parts: %w", err)
	}
	for _, dir := range dirs {
		files, err := os.ReadDir(r.path(objectsDir, dir.Name()))
		if err != nil {
			return n, fmt.Errorf("list parts: %w", err)
		}
		for _, f := range files {
			if used[f.Name()] || !isDigest(f.Name()) && !strings.HasPrefix(f.Name(), ".new-") {
				continue
			}
			if err := os.Remove(filepath.Join(r.path(objectsDir, dir.Name()), f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return n, fmt.Errorf("remove a part that is not used: %w", err)
			}
			n++
		}
	}
	return n, nil
}
