package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/config"
)

// newBackups makes what backs up by the clock; nil where the configuration names no repository.
func newBackups(a *App) (*backup.Service, error) {
	cfg := a.cfg.Backup
	if cfg.Repository == "" || a.truth.Refused != nil {
		return nil, nil
	}
	repository, err := filepath.Abs(cfg.Repository)
	if err != nil {
		return nil, err
	}
	cfg.Repository = repository
	order := BackupOrder{Repository: cfg.Repository, Recipients: cfg.Recipients, KeysTo: cfg.KeysTo, Keep: cfg.Keep, KeepKeys: cfg.KeepKeys}
	return backup.NewService(cfg, backup.Deps{
		Make:   func(ctx context.Context) (*backup.Report, error) { return a.truth.Backup(ctx, order, osIdentity()) },
		Source: a.truth.backupSource(),
		Follow: func(from uint64) backup.Follower { return a.truth.Journal.Follow(from) },
		Health: a.health, Logger: a.log, Registerer: a.metrics,
	})
}

// checkBackups says how old the newest backup is.
func checkBackups(cfg config.Config) Finding {
	const check = "backup"
	if cfg.Backup.Repository == "" {
		return Finding{Check: check, OK: true, Text: "not looked at: no configuration given here names a repository (backup.repository); -c FILE names one"}
	}
	fix := "see backup.failed, and run tripod backup by hand"
	repo, err := backup.OpenRepository(cfg.Backup.Repository)
	if errors.Is(err, backup.ErrNoBackup) {
		fix = "mount the volume of " + cfg.Backup.Repository + ", or start tripod serve, which makes the first backup"
	}
	if err != nil {
		return Finding{Check: check, Text: err.Error(), Fix: fix}
	}
	m, err := repo.Newest()
	if err != nil {
		return Finding{Check: check, Text: err.Error(), Fix: fix}
	}
	f := Finding{Check: check, OK: time.Since(m.Time) < 2*cfg.Backup.Every, Text: fmt.Sprintf("the newest, %s, is of %s and holds %d records", m.ID, m.Time.Format(time.RFC3339), m.Position)}
	if !f.OK {
		f.Fix = fix
	}
	return f
}
