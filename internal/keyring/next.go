package keyring

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/tripod-audit/tripod/internal/secret"
)

// NextFile holds the next master key while it takes the place of the one in FileName.
const NextFile = FileName + ".next"

// Random makes the text of a new master key.
func Random() (secret.String, error) {
	var master [KeySize]byte
	if _, err := rand.Read(master[:]); err != nil {
		return secret.String{}, fmt.Errorf("make a master key: %w", err)
	}
	return secret.New(hex.EncodeToString(master[:])), nil
}

// PutNext keeps the next master key beside the present one, durably.
func PutNext(dataDir string, text secret.String) error {
	return Replace(filepath.Join(dataDir, Dir, NextFile), []byte(text.Reveal()+"\n"))
}

// Next reads the next master key; ok is false where there is none.
func Next(dataDir string) (text secret.String, ok bool, err error) {
	text, err = secret.ReadFile(filepath.Join(dataDir, Dir, NextFile))
	if errors.Is(err, fs.ErrNotExist) {
		return text, false, nil
	}
	return text, err == nil, err
}

// SettleNext puts the next master key in the present one's place, where it took over, or forgets it.
func SettleNext(dataDir string, tookOver bool) error {
	next := filepath.Join(dataDir, Dir, NextFile)
	var err error
	if tookOver {
		err = os.Rename(next, filepath.Join(dataDir, Dir, FileName))
	} else {
		err = os.Remove(next)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("settle the change of the master key: %w", err)
	}
	return SyncDir(filepath.Join(dataDir, Dir))
}
