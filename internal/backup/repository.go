package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// Repository is the directory of backups.
type Repository struct{ dir string }

// Places within a repository.
const (
	backupsDir  = "backups"
	objectsDir  = "objects"
	keysDir     = "keys"
	erasuresDir = "erasures"
)

// ErrNoBackup says that a repository holds no backup, or not the one asked for.
var ErrNoBackup = errors.New("there is no such backup")

// OpenRepository names a repository; it must be there.
func OpenRepository(dir string) (*Repository, error) {
	info, err := os.Stat(filepath.Join(dir, backupsDir))
	if err != nil || !info.IsDir() {
		return nil, fmt.Errorf("open repository %s: no backup was ever made there, or its volume is not mounted: %w", dir, ErrNoBackup)
	}
	return &Repository{dir}, nil
}

// MakeRepository names a repository, and makes it where the directory is missing or empty.
func MakeRepository(dir string) (*Repository, error) {
	if dir == "" {
		return nil, errors.New("open repository: no directory named")
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	if _, err := os.Stat(filepath.Join(dir, backupsDir)); len(entries) > 0 && err != nil {
		return nil, fmt.Errorf("open repository: %s holds something that is no repository: name an empty directory", dir)
	}
	for _, sub := range []string{objectsDir, keysDir, erasuresDir, backupsDir} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, fmt.Errorf("make repository: %w", err)
		}
	}
	if err := errors.Join(keyring.SyncDir(dir), keyring.SyncDir(filepath.Dir(filepath.Clean(dir)))); err != nil {
		return nil, fmt.Errorf("make repository: %w", err)
	}
	return &Repository{dir}, nil
}

func (r *Repository) path(parts ...string) string {
	return filepath.Join(append([]string{r.dir}, parts...)...)
}

func objectPath(digest string) []string { return []string{objectsDir, digest[:2], digest} }

// put writes a file durably: aside, synced, renamed.
func (r *Repository) put(data []byte, parts ...string) error {
	return r.stream(func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}, parts...)
}

func (r *Repository) stream(write func(io.Writer) error, parts ...string) (err error) {
	path := r.path(parts...)
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write to the repository: %w", err)
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write to the repository: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("write to the repository: %w", errors.Join(err, os.Remove(f.Name())))
		}
	}()
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(keyring.SyncDir(dir), keyring.SyncDir(filepath.Dir(dir)))
}

// object reads a sealed part and holds it against its name.
func (r *Repository) object(digest string) ([]byte, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("part %q: no digest", digest)
	}
	b, err := os.ReadFile(r.path(objectPath(digest)...))
	if err != nil {
		return nil, fmt.Errorf("read part: %w", err)
	}
	if digestOf(b) != digest {
		return nil, fmt.Errorf("part %s is not what its name says: it was altered or is damaged", digest)
	}
	return b, nil
}

// has reports whether a part is there; its bytes are for verification to look at.
func (r *Repository) has(digest string) bool {
	info, err := os.Stat(r.path(objectPath(digest)...))
	return err == nil && info.Size() > 0
}

func isDigest(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && s == strings.ToLower(s)
}

// ids lists the backups, oldest first.
func (r *Repository) ids() ([]string, error) {
	entries, err := os.ReadDir(r.path(backupsDir))
	if err != nil {
		return nil, fmt.Errorf("list backups: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".json"); ok && validID(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}
