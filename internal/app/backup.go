package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/access/signin"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/secret"
)

// BackupOrder orders one backup.
type BackupOrder struct {
	Repository string        `json:"repository"` // absolute
	Recipients []string      `json:"recipients"`
	KeysTo     []string      `json:"keys_to,omitempty"`
	WithMaster bool          `json:"with_master,omitempty"`
	Keep       time.Duration `json:"keep,omitempty"`
	KeepKeys   time.Duration `json:"keep_keys,omitempty"`
}

// typeBackup is the type of the record that a backup leaves.
const typeBackup = "tripod.backup"

// Backup makes a backup of a data directory: by the serve that runs there, else with the journal's lock.
func Backup(ctx context.Context, dir string, o BackupOrder) (*backup.Report, error) {
	if err := mustExist(dir); err != nil {
		return nil, err
	}
	var err error
	if o.Repository, err = filepath.Abs(o.Repository); err != nil {
		return nil, err
	}
	report := new(backup.Report)
	if err := ask(ctx, dir, "/v1/backup", o, report); !errors.Is(err, errNoServe) {
		return report, err
	}
	t, by, err := openTruthFor(ctx, TruthOptions{Dir: dir}, "backup")
	if err != nil {
		return nil, err
	}
	report, err = t.Backup(ctx, o, by.Identity())
	return report, errors.Join(err, t.Close(ctx))
}

// Backup makes a backup and puts it on record; by is who ordered it.
func (t *Truth) Backup(ctx context.Context, o BackupOrder, by audit.Identity) (*backup.Report, error) {
	if t.Refused != nil {
		return nil, t.Refused
	}
	t.backing.Lock()
	defer t.backing.Unlock()
	opts, err := o.options()
	if err != nil {
		return nil, err
	}
	if o.WithMaster {
		if opts.Master, err = keyring.Text(keyring.Config{DataDir: t.dir, Getenv: os.Getenv}); err != nil {
			return nil, err
		}
	}
	repo, err := t.repository(ctx, o.Repository)
	if err != nil {
		return nil, err
	}
	report, err := repo.Backup(ctx, t.backupSource(), opts)
	if err != nil {
		return nil, err
	}
	number := func(name string, n int64) audit.Attr { return audit.Attr{Name: name, Value: audit.Int(n)} }
	_, err = t.Door.Record(ctx, intake.Act{Type: typeBackup, Activity: audit.ActivityOperation, Account: by, Attributes: audit.Attrs{
		{Name: "backup", Value: audit.String(report.ID)}, number("position", int64(report.Position)), number("records", int64(report.LedgerSize)),
		number("new_parts", int64(report.New)), number("bytes", report.NewBytes),
	}}, map[string][]byte{repositoryCursor: []byte(o.Repository)})
	if err != nil {
		return report, fmt.Errorf("backup %s is made; record it: %w", report.ID, err)
	}
	return report, nil
}

// repositoryCursor remembers where the latest backup was made.
const repositoryCursor = "tripod/backup/repository"

// repository opens the repository, and makes it where none was yet. One that is missing where the latest backup was made is
// on a volume that is not mounted: made anew it would lie under it, where nobody looks.
func (t *Truth) repository(ctx context.Context, dir string) (*backup.Repository, error) {
	latest, err := t.Journal.Cursor(ctx, repositoryCursor)
	if err != nil {
		return nil, err
	}
	if string(latest) != dir {
		return backup.MakeRepository(dir)
	}
	repo, err := backup.OpenRepository(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: the latest backup was made there: mount it, or name another directory to begin anew", err)
	}
	return repo, nil
}

func (o *BackupOrder) options() (opts backup.Options, err error) {
	if opts.Recipients, err = backup.ParseRecipients(o.Recipients...); err != nil {
		return opts, err
	}
	if opts.KeysTo, err = backup.ParseRecipients(o.KeysTo...); err != nil {
		return opts, err
	}
	opts.Keep, opts.KeepKeys = o.Keep, o.KeepKeys
	return opts, nil
}

func (t *Truth) backupSource() backup.Source {
	return backup.Source{Dir: t.dir, Journal: t.Journal.Reader(), Content: t.Content.Reader(), Still: t.Eraser.Still, Signed: t.signed}
}

func serveBackup(w http.ResponseWriter, r *http.Request, t *Truth, ending <-chan struct{}) {
	var order BackupOrder
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&order); err != nil {
		http.Error(w, "backup: "+err.Error(), http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() { // ends with the backup
		select {
		case <-ending:
			cancel()
		case <-ctx.Done():
		}
	}()
	by, _ := r.Context().Value(peerKey{}).(audit.Identity)
	report, err := t.Backup(ctx, order, by)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(report)
}

// VerifyBackup verifies a repository of backups.
func VerifyBackup(ctx context.Context, dir string, identities []string, key string, saved []byte) (*backup.Verdict, error) {
	repo, err := backup.OpenRepository(dir)
	if err != nil {
		return nil, err
	}
	ids, err := backup.ReadIdentities(identities...)
	if err != nil {
		return nil, err
	}
	return repo.Verify(ctx, backup.VerifyOptions{Identities: ids, Key: key, Saved: saved})
}

// RestoreOrder orders a restore.
type RestoreOrder struct {
	Repository string
	Dir        string // must be missing or empty
	At         string
	Identities []string // files
	MasterFile string   // "" takes the environment's, or that of the repository
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
	if opts.Master, opts.MasterStays, err = masterFor(o.MasterFile); err != nil {
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
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-restoring-")
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

// masterFor finds the master key for a restore; stays says that it is in the environment.
func masterFor(file string) (text secret.String, stays bool, err error) {
	if file != "" {
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
	for _, view := range Views() {
		err := rebuild(ctx, dir, view, nil)
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
	t, err := OpenTruth(ctx, TruthOptions{Dir: dir})
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
	for _, act := range acts {
		if _, err := t.Door.Record(ctx, act, nil); err != nil {
			return err
		}
	}
	t.Eraser.Held = nil    // what was erased was not held then; what is held now is what is left
	t.Eraser.Settled = nil // there is no view yet
	var err error
	done.Again, err = backup.Again(ctx, t.Eraser, t.Journal.Reader(), done.Erasures, osIdentity())
	return err
}
