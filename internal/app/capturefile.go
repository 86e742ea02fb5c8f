package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	pages "github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/keyring"
)

// typeCaptureWrite is on record before the capture policy is written to the configuration file from the console: digests of
// policy and file before and after, how many rules come and go, and of which sources something else is kept. That the policy
// is in force is a record of its own (typeCapture). One with the outcome failure says that it was not written after all.
const typeCaptureWrite = "tripod.capture.write"

// captureFile is the capture policy as the configuration file has it: pages.Capture.
type captureFile struct{ a *App }

// Rules implements pages.Capture.
func (f *captureFile) Rules() capture.Config { return f.a.inForce.Load().Capture }

// YAML implements pages.Capture.
func (f *captureFile) YAML(c capture.Config) (string, error) { return config.CaptureYAML(c) }

// File implements pages.Capture.
func (f *captureFile) File() (path, version string, closed error) {
	of := f.a.inForce.Load().From
	return of.Path, of.Digest, writable(of)
}

// writable says why a configuration file cannot be written; nil where it seems it can.
func writable(of config.File) error {
	if of.Path == "" {
		return errors.New("tripod serve runs without a configuration file; give it one with -c FILE")
	}
	info, err := os.Lstat(of.Path)
	switch {
	case err != nil:
		return plainly(err)
	case info.Mode()&fs.ModeSymlink != 0:
		return fmt.Errorf("%s is a symbolic link, as what a ConfigMap mounts is: it changes where it comes from", of.Path)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a plain file", of.Path)
	}
	file, err := os.OpenFile(of.Path, os.O_WRONLY, 0) // asks the system; nothing is written
	if err != nil {
		return plainly(err)
	}
	return file.Close()
}

// plainly is an error of the system with the path alone.
func plainly(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: %w", at.Path, at.Err)
	}
	return err
}

// Write implements pages.Capture. What it ordered is carried through once it began, also where the browser goes away.
func (f *captureFile) Write(ctx context.Context, by *access.Person, version string, policy capture.Config) error {
	a := f.a
	a.reloading.Lock()
	defer a.reloading.Unlock()
	ctx = context.WithoutCancel(ctx)
	cfg := a.inForce.Load()
	of := cfg.From
	if err := writable(of); err != nil {
		return &pages.ClosedError{Reason: err}
	}
	old, err := os.ReadFile(of.Path)
	if err != nil {
		return &pages.ClosedError{Reason: plainly(err)}
	}
	if changed := a.changedSince(version, of, old); changed != nil {
		return changed
	}
	text, err := config.WithCapture(old, policy)
	if err != nil {
		return &pages.ClosedError{Reason: err}
	}
	next, err := a.configured(of.Path, text)
	if err != nil {
		return &pages.InvalidError{Reason: err}
	}
	if a.truth.Refused != nil {
		return a.truth.Refused
	}
	act := captureAct(by, cfg, &next)
	if _, err := a.truth.Door.Record(ctx, act, nil); err != nil {
		return fmt.Errorf("record %s: %w", act.Type, err)
	}
	if err = replaceFile(of.Path, text); err == nil {
		err = a.reloadBy(ctx, by.Identity(), func() (config.Config, error) { return next, nil })
		if err != nil && a.inForce.Load().From.Digest == of.Digest { // refused: file and what is in force stay one
			err = errors.Join(err, restoreFile(of.Path, old))
		}
	}
	if err == nil {
		return nil
	}
	act.Outcome, act.Pieces = audit.OutcomeFailure, nil
	_, recordErr := a.truth.Door.Record(ctx, act, nil)
	return errors.Join(&pages.ClosedError{Reason: plainly(err)}, recordErr)
}

// configured is the whole configuration with a file that holds b.
func (a *App) configured(path string, b []byte) (config.Config, error) {
	cfg, err := config.ParseFile(path, b)
	if err != nil {
		return cfg, err
	}
	if a.complete != nil {
		return a.complete(cfg)
	}
	return cfg, cfg.Validate()
}

// changedSince says what is different from what a page showed: in force, or only in the file. Nil where nothing is.
func (a *App) changedSince(version string, of config.File, file []byte) error {
	if config.DigestOf(file) != of.Digest {
		stale := &pages.StaleError{File: of.Path}
		if next, err := a.configured(of.Path, file); err != nil {
			stale.Unreadable = err
		} else {
			stale.Settings, stale.Rules = a.inForce.Load().Differs(next), &next.Capture
		}
		return stale
	}
	if version != of.Digest {
		now := a.inForce.Load().Capture
		return &pages.StaleError{File: of.Path, InForce: true, Rules: &now}
	}
	return nil
}

// captureAct says what is about to be written.
func captureAct(by *access.Person, was, is *config.Config) intake.Act {
	came, went := is.Capture.Beside(was.Capture), was.Capture.Beside(is.Capture)
	var sources []audit.Value
	for _, s := range audit.Sources() {
		if is.Capture.Differs(was.Capture, s) {
			sources = append(sources, audit.String(string(s)))
		}
	}
	return intake.Act{
		Type: typeCaptureWrite, Activity: audit.ActivitySettingChange, Account: by.Identity(),
		Attributes: audit.Attrs{
			audit.TextAttr("before", was.Capture.Digest()), audit.TextAttr("after", is.Capture.Digest()),
			audit.TextAttr("file.before", was.From.Digest), audit.TextAttr("file.after", is.From.Digest),
			audit.CountAttr("rules", int64(len(is.Capture.Rules))), audit.CountAttr("rules.added", int64(came)), audit.CountAttr("rules.removed", int64(went)),
			{Name: "sources", Value: audit.Array(slices.Clip(sources)...)},
		},
		Pieces: []intake.Piece{{Name: "rules", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(is.Capture.Words())}},
	}
}

// replaceFile puts text in the place of a file, whole or not at all, and leaves what it held in FILE.bak.
func replaceFile(path string, text []byte) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := putFile(path, path+".bak", old); err != nil {
		return err
	}
	return putFile(path, path, text)
}

// restoreFile is replaceFile for what FILE.bak holds, which stays.
func restoreFile(path string, old []byte) error { return putFile(path, path, old) }

// putFile writes a file durably beside its place and moves it there, with the mode of another.
func putFile(like, path string, text []byte) (err error) {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return keyring.SyncDir(filepath.Dir(path))
}
