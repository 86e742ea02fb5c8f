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

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/keyring"
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
