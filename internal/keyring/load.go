package keyring

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/tripod-audit/tripod/internal/secret"
)

// Names inside a data directory.
const (
	Dir      = "keys"          // directory of all keys, 0700
	FileName = "master.key"    // the master key, 0600, 64 hex digits
	WrapFile = "containers.db" // the wrapped keys, which need a master key
)

// Environment variables that stand over the master key in the data directory.
const (
	EnvKey  = "TRIPOD_MASTER_KEY"      // 64 hex digits, or base64 of 32 bytes
	EnvFile = "TRIPOD_MASTER_KEY_FILE" // a file with the same, mode 0600
)

// ErrMissing says that there is no master key.
var ErrMissing = errors.New("there is no master key")

// Config says where the master key comes from.
type Config struct {
	DataDir string              // its keys/master.key is used unless the environment names a key
	Getenv  func(string) string // os.Getenv; nil reads no environment
	Create  bool                // create the key if there is none and nothing was wrapped yet; a reader leaves it false
}

// Load finds the master key: in the environment, in the file the environment names, or in the data directory, where it
// creates one if asked to. The error wraps ErrMissing where there is none.
func Load(cfg Config) (*Keyring, error) {
	text, err := find(cfg)
	if err != nil {
		return nil, err
	}
	k, err := Parse(text)
	if err != nil {
		return nil, err
	}
	return k.withDerived(cfg.DataDir)
}

// Parse makes a keyring of a master key as it is spelt in files and environment, and of nothing else.
func Parse(text secret.String) (*Keyring, error) {
	master, err := parse(text)
	if err != nil {
		return nil, err
	}
	return New(master)
}

// Text is the master key as Load finds it, for who moves it elsewhere. It is never created.
func Text(cfg Config) (secret.String, error) {
	cfg.Create = false
	return find(cfg)
}

func find(cfg Config) (secret.String, error) {
	getenv := cfg.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	value, file := getenv(EnvKey), getenv(EnvFile)
	switch {
	case value != "" && file != "":
		return secret.String{}, fmt.Errorf("master key: both %s and %s are set: keep one", EnvKey, EnvFile)
	case value != "":
		return secret.New(value), nil
	case file != "":
		text, err := secret.ReadFile(file)
		if err != nil {
			return secret.String{}, fmt.Errorf("master key from %s: %w", EnvFile, err)
		}
		return text, nil
	}
	path := filepath.Join(cfg.DataDir, Dir, FileName)
	text, err := secret.ReadFile(path)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return text, err
	}
	if !cfg.Create {
		return secret.String{}, fmt.Errorf("%w: neither %s nor %s nor %s has one", ErrMissing, EnvKey, EnvFile, path)
	}
	return create(cfg.DataDir, path)
}

// create makes a new master key, unless content exists that only a lost one opens.
func create(dataDir, path string) (secret.String, error) {
	dir := filepath.Dir(path)
	wrapped := filepath.Join(dir, WrapFile)
	if _, err := os.Stat(wrapped); err == nil {
		return secret.String{}, fmt.Errorf("%w, yet %s holds keys that need it: restore %s or set %s", ErrMissing, wrapped, path, EnvKey)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return secret.String{}, fmt.Errorf("look for wrapped keys: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return secret.String{}, fmt.Errorf("create key directory: %w", err)
	}
	var master [KeySize]byte
	if _, err := rand.Read(master[:]); err != nil {
		return secret.String{}, fmt.Errorf("create master key: %w", err)
	}
	text := hex.EncodeToString(master[:])
	if err := writeNew(path, text+"\n"); err != nil {
		return secret.String{}, fmt.Errorf("create master key: %w", err)
	}
	for _, d := range []string{dir, dataDir, filepath.Dir(filepath.Clean(dataDir))} {
		if err := SyncDir(d); err != nil {
			return secret.String{}, fmt.Errorf("create master key: %w", err)
		}
	}
	return secret.New(text), nil
}

// writeNew writes a file that must not exist yet. It is written aside and renamed without replacing, so that a crash
// leaves no half a key behind and two starting processes cannot each have one.
func writeNew(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}

// SyncDir makes the names in a directory durable. Windows has no such call, and needs none.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parse reads a key in one of its two spellings. Errors never quote it.
func parse(text secret.String) ([]byte, error) {
	s := strings.TrimSpace(text.Reveal())
	if strings.Contains(s, "://") {
		return nil, errors.New("master key: a KMS address is not supported yet: give the key itself")
	}
	if b, err := hex.DecodeString(s); err == nil && len(b) == KeySize {
		return b, nil
	}
	if b, err := base64.StdEncoding.DecodeString(s); err == nil && len(b) == KeySize {
		return b, nil
	}
	return nil, fmt.Errorf("master key: want %d hex digits, or base64 of %d bytes", 2*KeySize, KeySize)
}
