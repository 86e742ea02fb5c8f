package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/secret"
)

type restoreCommand struct {
	Repository string   `arg:"" help:"Directory of the repository."`
	Dir        string   `arg:"" help:"The data directory to make; it must be missing or empty."`
	Identity   []string `help:"File with a private key that opens the backup; may be given again." required:"" placeholder:"FILE" sep:"none"`
	At         string   `help:"Id of a backup, or a time: the newest not younger. Default: the newest." placeholder:"TIME|ID"`
	Keys       string   `help:"File with the master key; where a passphrase seals it, that is read from standard input. Default: the environment's, or that of the repository." placeholder:"FILE"`
	Key        string   `help:"The ledger's verifier key, or a file that holds it." placeholder:"PUB"`
	Checkpoint string   `help:"A checkpoint saved earlier: tells whether the ledger was longer than the backup." placeholder:"FILE"`
	AcceptLoss bool     `help:"Restore although later records are known to have been."`
	JSON       bool     `help:"Print one JSON object."`
}

func (c *restoreCommand) Run(ctx context.Context, std streams) error {
	key, saved, err := backupAnchors(c.Key, c.Checkpoint)
	if err != nil {
		return err
	}
	done, err := app.Restore(ctx, app.RestoreOrder{Repository: c.Repository, Dir: c.Dir, At: c.At, Identities: c.Identity, MasterFile: c.Keys,
		Passphrase: func() (secret.String, error) { return readPassphrase(std) }, Key: key, Saved: saved, AcceptLoss: c.AcceptLoss})
	var loss *backup.LossError
	if errors.As(err, &loss) {
		return wanting{err}
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, done)
	}
	fmt.Fprintf(std.out, "restored backup %s of %s: records 1 to %d, %d blocks of content; the ledger derived from them has the signed root\n",
		done.Backup, done.Time.Format(time.RFC3339), done.Position, done.Blocks)
	if !done.Anchored {
		fmt.Fprintln(std.out, "not anchored: who signed it is what the repository says; give --key")
	}
	if done.LostLast > 0 {
		fmt.Fprintf(std.out, "lost: records %d to %d; ", done.LostFirst, done.LostLast)
		if done.Filled {
			fmt.Fprintln(std.out, "tombstones stand there, and a record says so")
		} else {
			fmt.Fprintln(std.out, "checkpoints signed over them contradict the restored ledger from now on, and a record says so")
		}
	}
	if done.Keys.Why != "" {
		fmt.Fprintln(std.out, "keys:", done.Keys.Why)
	}
	fmt.Fprintf(std.out, "erased again: %d\n", done.Again)
	_, err = fmt.Fprintf(std.out, "what came after %s is in no backup; now run tripod verify --data %s --key PUB --checkpoint SAVED\n", done.Time.Format(time.RFC3339), c.Dir)
	return err
}
