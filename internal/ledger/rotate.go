package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
	"github.com/tripod-audit/tripod/internal/secret"
)

// nextKeyFile holds the next signing key until the hand-over to it is complete.
const nextKeyFile = keyFile + ".next"

// Rotate makes a new signing key of the same origin and has the old one hand over to it: from the present checkpoint on, which
// both sign, the new key signs alone. The old key is gone from the directory when it returns nil. The caller holds the journal's
// lock, and no Ledger is open on the directory. After a crash at any moment the next Open, or the next Rotate, either completes
// the hand-over or knows nothing of it.
func Rotate(ctx context.Context, dir string, journal Reader) (tiles.HandOver, error) {
	h, err := rotateOn(ctx, osDisk(dir), dir, journal)
	if err != nil {
		return h, fmt.Errorf("change the ledger's key: %w", err)
	}
	return h, nil
}

func rotateOn(ctx context.Context, d disk, dir string, journal Reader) (h tiles.HandOver, err error) {
	f := newFolder(d, ledgerDir)
	if err := settleHandOver(f, dir); err != nil {
		return h, err
	}
	old, err := readKey(dir)
	if err != nil {
		return h, err
	}
	folder := tiles.Folder(filepath.Join(dir, ledgerDir))
	msg, err := folder.ReadCheckpoint()
	if err != nil {
		return h, err
	}
	head, err := tiles.OpenCheckpoint(msg, old.vkey)
	if err != nil {
		return h, err
	}
	if err := checkJournal(ctx, folder, head, journal); err != nil {
		return h, err
	}
	next, text, err := newKey(head.Origin)
	if err != nil {
		return h, err
	}
	h = tiles.HandOver{Origin: head.Origin, Key: old.vkey, Next: next.vkey, Tree: head.Tree()}
	statement, err := note.Sign(&note.Note{Text: h.Text()}, old.signer, next.signer)
	if err != nil {
		return h, err
	}
	before, err := HandOvers(dir)
	if err != nil {
		return h, err
	}
	if err := f.replace(nextKeyFile, []byte(text.Reveal()+"\n"), 0o600); err != nil {
		return h, err
	}
	if err := f.replace(handOverFile(len(before)), statement, 0o600); err != nil {
		return h, err
	}
	return h, settleHandOver(f, dir)
}

// settleHandOver completes a hand-over that is on disk, and forgets a key that nothing was handed over to.
func settleHandOver(f *folder, dir string) error {
	text, err := secret.ReadFile(filepath.Join(dir, filepath.FromSlash(nextKeyFile)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the ledger's next key: %w", err)
	}
	next, err := parseKey(text)
	if err != nil {
		return err
	}
	list, err := HandOvers(dir)
	if err != nil {
		return err
	}
	if len(list) > 0 {
		if h, err := tiles.ParseHandOver([]byte(list[len(list)-1])); err == nil && h.Next == next.vkey {
			return completeHandOver(f, dir, h, next, text)
		}
	}
	if err := f.removeAll(nextKeyFile); err != nil {
		return fmt.Errorf("remove a key that nothing was handed over to: %w", err)
	}
	return nil
}

// completeHandOver has both keys sign the checkpoint and puts the new key in the old one's place. It may be done again.
func completeHandOver(f *folder, dir string, h tiles.HandOver, next key, text secret.String) error {
	now, err := readKey(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && now.vkey == h.Key {
		head, err := tiles.Sign(now.signer, h.Tree, next.signer)
		if err != nil {
			return err
		}
		if err := f.replace(checkpointFile, head.Note, 0o600); err != nil {
			return err
		}
		if err := f.replace(keyFile, []byte(text.Reveal()+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := putVerifierKey(f, dir, next.vkey); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, filepath.FromSlash(nextKeyFile))); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("complete the hand-over: %w", err)
	}
	return nil
}

// CheckKey tells whether the signing key of a data directory is the one of its verifier key and of its checkpoint, and whether
// its hand-overs lead to it.
func CheckKey(dir string) error {
	k, err := readKey(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrKeyMissing
	}
	if err != nil {
		return err
	}
	if pub, err := ReadKey(dir); err != nil || pub != k.vkey {
		return fmt.Errorf("keys/ledger.pub is not the verifier key of keys/ledger.key, %s: start tripod serve, which writes it again", tiles.KeyName(k.vkey))
	}
	msg, err := tiles.Folder(filepath.Join(dir, ledgerDir)).ReadCheckpoint()
	if err != nil {
		return err
	}
	if _, err := tiles.OpenCheckpoint(msg, k.vkey); err != nil {
		return fmt.Errorf("the checkpoint is not signed by the key in keys/ledger.key, %s: restore the key that signed it", tiles.KeyName(k.vkey))
	}
	list, err := HandOvers(dir)
	if err != nil || len(list) == 0 {
		return err
	}
	h, err := tiles.ParseHandOver([]byte(list[len(list)-1]))
	if err != nil {
		return err
	}
	if h.Next != k.vkey {
		return fmt.Errorf("the last hand-over names the key %s, keys/ledger.key is %s: restore the key, or the hand-over", tiles.KeyName(h.Next), tiles.KeyName(k.vkey))
	}
	return nil
}
