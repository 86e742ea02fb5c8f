package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DerivedFile holds, once the master key was ever changed, the keys that follow from the first one: record ids, names of
// credentials and sealed sign-ins rest on them for ever. Each line after the first is those keys wrapped by a master key;
// there are two while one takes the place of the other.
const DerivedFile = "derived.sealed"

const derivedHead = "tripod-derived/v1"

var derivedPurpose = []byte("tripod/derived/v1")

// withDerived puts the keys from the file in the place of those derived from the master key, where there is a file.
func (k *Keyring) withDerived(dataDir string) (*Keyring, error) {
	lines, err := readDerived(dataDir)
	if err != nil || lines == nil {
		return k, err
	}
	for _, wrapped := range lines {
		keys, err := k.Unwrap(context.Background(), wrapped, derivedPurpose)
		if err != nil || len(keys) != 3*KeySize {
			continue
		}
		return &Keyring{wrap: k.wrap, id: (*[KeySize]byte)(keys), gateway: (*[KeySize]byte)(keys[KeySize:]), state: (*[KeySize]byte)(keys[2*KeySize:])}, nil
	}
	return nil, fmt.Errorf("master key: it is not the one that %s was sealed with: the master key was changed since; give the new one", filepath.Join(dataDir, Dir, DerivedFile))
}

func readDerived(dataDir string) ([][]byte, error) {
	path := filepath.Join(dataDir, Dir, DerivedFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read derived keys: %w", err)
	}
	list := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if string(list[0]) != derivedHead || len(list) < 2 {
		return nil, fmt.Errorf("read derived keys: %s is damaged: restore it from a backup", path)
	}
	var lines [][]byte
	for _, line := range list[1:] {
		wrapped, err := base64.StdEncoding.DecodeString(string(line))
		if err != nil {
			return nil, fmt.Errorf("read derived keys: %s is damaged: restore it from a backup", path)
		}
		lines = append(lines, wrapped)
	}
	return lines, nil
}

// SealDerived writes what follows from the first master key, sealed under each of the given ones, in place of what is there.
// It is durable when it returns nil; a crash leaves the old file or the new.
func SealDerived(ctx context.Context, dataDir string, keys *Keyring, under ...Wrapper) error {
	plain := bytes.Join([][]byte{keys.id[:], keys.gateway[:], keys.state[:]}, nil)
	text := []byte(derivedHead + "\n")
	for _, w := range under {
		wrapped, err := w.Wrap(ctx, plain, derivedPurpose)
		if err != nil {
			return fmt.Errorf("seal derived keys: %w", err)
		}
		text = append(base64.StdEncoding.AppendEncode(text, wrapped), '\n')
	}
	return Replace(filepath.Join(dataDir, Dir, DerivedFile), text)
}

// Replace puts a file of mode 0600 in the place of another in one step, durably.
func Replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(f.Name())))
	}
	return SyncDir(filepath.Dir(path))
}
