package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
	"github.com/tripod-audit/tripod/internal/secret"
)

// ExportMaster seals the master key of a data directory to a passphrase, for the safe.
func ExportMaster(dir string, passphrase secret.String) ([]byte, error) {
	text, err := keyring.Text(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if err != nil {
		return nil, err
	}
	if _, err := keyring.Parse(text); err != nil {
		return nil, err
	}
	return backup.SealMaster(text, passphrase)
}

// RestoreOrder orders a restore.
type RestoreOrder struct {
	Repository string
	Dir        string // must be missing or empty
	At         string
	Identities []string                      // files
	MasterFile string                        // "" takes the environment's, or that of the repository
	Passphrase func() (secret.String, error) // asked for where MasterFile is sealed by one
	Key        string
	Saved      []byte
	AcceptLoss bool
}

// Restore makes a data directory of a backup: beside its name, with everything erased again that was erased since and its views
// built, and then renamed. Without the keys it is for reading only.
func Restore(ctx context.Context, o RestoreOrder) (_ *backup.Restored, err error) {
	repo, err := backup.OpenRepository(o.Repository)
	if err != nil {
		return nil, err
	}
	opts := backup.RestoreOptions{At: o.At, Key: o.Key, Saved: o.Saved, AcceptLoss: o.AcceptLoss}
	if opts.Identities, err = backup.ReadIdentities(o.Identities...); err != nil {
		return nil, err
	}
	if opts.Master, opts.MasterStays, err = masterFor(o.MasterFile, o.Passphrase); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("restore: %s is not empty, and nothing is ever overwritten: name a directory that is not there yet", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	temp, err := placeBeside(dir)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(temp))
		}
	}()
	done, err := repo.Restore(ctx, temp, opts)
	if err != nil {
		return nil, err
	}
	if err := settleRestored(ctx, temp, done); err != nil {
		return nil, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("restore: %w", err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	return done, keyring.SyncDir(filepath.Dir(dir))
}

// placeBeside makes the directory in which a restore is made, and removes what restores of the same name left that were cut short.
func placeBeside(dir string) (string, error) {
	name := filepath.Join(filepath.Dir(dir), "."+filepath.Base(dir)+"-restoring-")
	left, err := filepath.Glob(escapeGlob(name) + "*")
	if err != nil {
		return "", err
	}
	for _, old := range left {
		if wholeOf(old) == nil {
			continue // it is none
		}
		if err := os.RemoveAll(old); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(filepath.Dir(dir), filepath.Base(name)+"*")
}

// escapeGlob makes a pattern that matches a name.
func escapeGlob(name string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(name)
}

// wholeOf refuses a directory in which a restore was cut short: what was erased since the backup may be in it.
func wholeOf(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, backup.UnfinishedFile)); err != nil {
		return nil
	}
	return fmt.Errorf("%s is what a restore left that was cut short: what was erased may be in it: delete it, and run tripod restore again", dir)
}

// masterFor finds the master key for a restore; stays says that it is in the environment.
func masterFor(file string, passphrase func() (secret.String, error)) (text secret.String, stays bool, err error) {
	if file != "" {
		if sealed, err := os.ReadFile(file); err == nil && backup.IsSealedMaster(sealed) && passphrase != nil {
			phrase, err := passphrase()
			if err != nil {
				return text, false, err
			}
			text, err = backup.OpenMaster(sealed, phrase)
			return text, false, err
		}
		if text, err = secret.ReadFile(file); err != nil {
			return text, false, fmt.Errorf("read the master key: %w", err)
		}
		return text, false, nil
	}
	if os.Getenv(keyring.EnvKey) == "" && os.Getenv(keyring.EnvFile) == "" {
		return text, false, nil
	}
	text, err = keyring.Text(keyring.Config{Getenv: os.Getenv})
	return text, true, err
}

// settleRestored puts a restore on record, erases again, and builds the views.
func settleRestored(ctx context.Context, dir string, done *backup.Restored) error {
	if done.Keys.Master && done.Keys.Why == "" {
		if err := recordRestored(ctx, dir, done); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, backup.UnfinishedFile)), keyring.SyncDir(dir)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, view := range Views() {
		err := Rebuild(ctx, dir, view, nil)
		if errors.Is(err, keyring.ErrMissing) && !done.Keys.Master {
			continue // it is sealed; the start that has the key builds it
		}
		if err != nil {
			return fmt.Errorf("restore: build %s: %w", view, err)
		}
	}
	return nil
}

func recordRestored(ctx context.Context, dir string, done *backup.Restored) error {
	t, err := OpenTruth(ctx, TruthOptions{Dir: dir, restoring: true})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err = t.Refused; err == nil {
		err = t.recordRestored(ctx, done)
	}
	if err = errors.Join(err, t.Close(ctx)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

func (t *Truth) recordRestored(ctx context.Context, done *backup.Restored) error {
	number := func(name string, n uint64) audit.Attr { return audit.Attr{Name: name, Value: audit.Int(int64(n))} }
	acts := []intake.Act{{Type: "tripod.restore", Activity: audit.ActivityOperation, Account: osIdentity(), Attributes: audit.Attrs{
		{Name: "backup", Value: audit.String(done.Backup)}, number("position", done.Position), number("records", done.LedgerSize),
		number("lost", done.LostLast-done.LostFirst), number("erasures", uint64(len(done.Erasures))),
	}}}
	if done.LostLast > 0 {
		acts[0].Attributes[3] = number("lost", done.LostLast-done.LostFirst+1)
	}
	if done.Filled {
		acts = append(acts, intake.Act{Type: audit.TypeRecover, Activity: audit.ActivityOperation, Account: osIdentity(), Attributes: audit.Attrs{
			number("first", done.LostFirst), number("last", done.LostLast), number("records", done.LostLast-done.LostFirst+1)}})
	}
	acts = append(acts, intake.Act{Type: signin.TypeUntokenAll, Activity: audit.ActivityAdminChange, Account: osIdentity()})
	purges, err := t.Journal.Cursor(ctx, retention.CursorName)
	if err != nil {
		return err
	}
	cursors, err := retention.AskFirst(purges)
	if err != nil {
		return err
	}
	for _, act := range acts {
		if _, err := t.Door.Record(ctx, act, cursors); err != nil {
			return err
		}
	}
	t.Eraser.Held = nil    // what was erased was not held then; what is held now is what is left
	t.Eraser.Settled = nil // there is no view yet
	done.Again, err = backup.Again(ctx, t.Eraser, t.Journal.Reader(), done.Erasures, osIdentity())
	return err
}
