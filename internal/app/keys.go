package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/ledger"
)

// CheckKeys checks every key of a data directory: that it is there, is the right one and opens what it is for. It changes nothing.
func CheckKeys(ctx context.Context, dir string) []Finding {
	return []Finding{checkMasterKey(ctx, dir), checkLedgerKey(dir)}
}

func checkMasterKey(ctx context.Context, dir string) Finding {
	f := Finding{Check: "master key opens the data keys"}
	if _, err := os.Stat(filepath.Join(dir, keyring.Dir, keyring.WrapFile)); err != nil {
		f.Text = "keys/containers.db is missing: content cannot be read, and new content gets new keys; records and proofs stand"
		f.Fix = "stop tripod serve and restore keys/containers.db: tripod restore REPO DIR, from the newest backup whose file of keys is there"
		return f
	}
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if errors.Is(err, keyring.ErrMissing) {
		f.Text, f.Fix = err.Error()+": content cannot be read and nothing can be written; records and proofs stand", "restore keys/master.key, or set "+keyring.EnvKey+" or "+keyring.EnvFile+
			"; if it is lost for good, move keys/containers.db away: tripod serve then makes new keys, and old content stays missing"
		return f
	}
	if err != nil {
		f.Text, f.Fix = err.Error(), "give the master key that tripod keys rotate master made last"
		return f
	}
	n, bad, err := content.Unwrappable(ctx, dir, keys)
	switch {
	case errors.Is(err, content.ErrWrongKey):
		f.Text, f.Fix = err.Error(), "give the master key that the directory was written with; after tripod keys rotate master that is the new one"
		if next, ok, nextErr := keyring.Next(dir); nextErr == nil && ok && next.Reveal() != "" {
			f.Fix = "a change of the master key was cut short: start tripod serve, which completes it"
		}
	case err != nil:
		f.Text, f.Fix = err.Error(), "restore keys/containers.db and content.db from a backup"
	case bad > 0:
		f.Text, f.Fix = fmt.Sprintf("%d of %d data keys do not open", bad, n), "restore keys/containers.db from a backup"
	default:
		f.OK, f.Text = true, fmt.Sprintf("all %d", n)
	}
	return f
}

func checkLedgerKey(dir string) Finding {
	f := Finding{Check: "ledger key signs the checkpoint"}
	err := ledger.CheckKey(dir)
	switch {
	case err == nil:
		f.OK, f.Text = true, "keys/ledger.key, keys/ledger.pub, the checkpoint and the hand-overs fit"
	case errors.Is(err, ledger.ErrKeyMissing):
		f.Text, f.Fix = "keys/ledger.key is missing: records and proofs stand, nothing can be written", "restore keys/ledger.key: it is in the file of keys of every backup (tripod restore REPO DIR, then copy it)"
	case errors.Is(err, os.ErrNotExist):
		f.Text, f.Fix = "the ledger's checkpoint is missing: "+err.Error(), "run tripod recover, which derives the ledger from the journal and signs again"
	default:
		f.Text, f.Fix = err.Error(), "restore keys/ and ledger/ together from a backup"
	}
	return f
}
