package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
)

// days is a period: 90d, 12h, 30m; 0 is none.
type days time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *days) UnmarshalText(text []byte) error {
	if n, ok := strings.CutSuffix(string(text), "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no period: want 90d or 12h", text)
		}
		*d = days(time.Duration(count) * 24 * time.Hour)
		return nil
	}
	p, err := time.ParseDuration(string(text))
	if err != nil || p < 0 {
		return fmt.Errorf("%q is no period: want 90d or 12h", text)
	}
	*d = days(p)
	return nil
}

type backupCommand struct {
	dataFlag
	configFlag
	Repository     string   `arg:"" help:"Directory of the repository, on a mounted volume; made where it is missing or empty."`
	Recipient      []string `help:"Seal to this public key of age; may be given again." placeholder:"age1…" sep:"none"`
	RecipientsFile []string `help:"Seal to the public keys in this file." placeholder:"FILE" sep:"none"`
	KeysTo         []string `help:"Seal wrapped keys and the ledger's signing key to this public key instead." placeholder:"age1…" sep:"none"`
	WithMasterKey  bool     `help:"Put the master key into the repository too, sealed to --keys-to."`
	Keep           days     `help:"Remove backups older than this; the newest stays. Without it all are kept." placeholder:"90d"`
	KeepKeys       days     `help:"Remove files of keys older than this; the newest stays." default:"30d"`
	JSON           bool     `help:"Print one JSON object."`
}

func (c *backupCommand) Run(ctx context.Context, std streams) error {
	o := app.BackupOrder{Repository: c.Repository, Recipients: c.Recipient, KeysTo: c.KeysTo, WithMaster: c.WithMasterKey,
		Keep: time.Duration(c.Keep), KeepKeys: time.Duration(c.KeepKeys)}
	for _, file := range c.RecipientsFile {
		b, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read recipients: %w", err)
		}
		o.Recipients = append(o.Recipients, string(b))
	}
	if len(o.Recipients) == 0 {
		return usage{errors.New("backup: name to whom it is sealed with --recipient; tripod keys identity FILE makes a key")}
	}
	report, err := app.Backup(asked(ctx, c.Config), c.Data, o)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, report)
	}
	_, err = fmt.Fprintf(std.out, "backup %s: records 1 to %d, under a checkpoint of %d; %d of %d parts are new (%d bytes)\n",
		report.ID, report.Position, report.LedgerSize, report.New, report.Parts, report.NewBytes)
	if r := report.Removed; r.Backups+r.Keys+r.Objects > 0 {
		fmt.Fprintf(std.out, "removed what is old: %d backups, %d files of keys, %d parts\n", r.Backups, r.Keys, r.Objects)
	}
	return err
}

type verifyBackupCommand struct {
	Repository string   `arg:"" help:"Directory of the repository."`
	Identity   []string `help:"File with a private key that opens the backup; may be given again." placeholder:"FILE" sep:"none"`
	Key        string   `help:"The ledger's verifier key, or a file that holds it." placeholder:"PUB"`
	Checkpoint string   `help:"A checkpoint saved earlier." placeholder:"FILE"`
	JSON       bool     `help:"Print one JSON object."`
}

func (c *verifyBackupCommand) Run(ctx context.Context, std streams) error {
	key, saved, err := backupAnchors(c.Key, c.Checkpoint)
	if err != nil {
		return err
	}
	v, err := app.VerifyBackup(ctx, c.Repository, c.Identity, key, saved)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(std.out, v)
	} else {
		_, err = fmt.Fprintln(std.out, plain(v.Statement))
		for _, w := range v.Wrong[min(1, len(v.Wrong)):] {
			fmt.Fprintln(std.out, "also wrong:", plain(w))
		}
		for _, n := range v.NotChecked {
			fmt.Fprintln(std.out, "not checked:", plain(n))
		}
	}
	if err == nil && !v.Verified {
		err = wanting{errors.New("the repository does not verify")}
	}
	return err
}

// backupAnchors reads a verifier key and a saved checkpoint, where they are given.
func backupAnchors(key, checkpoint string) (vkey string, saved []byte, err error) {
	if key != "" {
		if vkey, err = readKey(key); err != nil {
			return "", nil, err
		}
	}
	if checkpoint != "" {
		if saved, err = os.ReadFile(checkpoint); err != nil {
			return "", nil, fmt.Errorf("read saved checkpoint: %w", err)
		}
	}
	return vkey, saved, nil
}
