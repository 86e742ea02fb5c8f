package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// File is the configuration file that a Config was read from.
type File struct {
	Path   string // absolute; "" where there was none
	Digest string // SHA-256 of its bytes, in hex
}

// Load reads a file over the defaults. An unknown key is an error that shows the line.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	return ParseFile(path, b)
}

// ParseFile is Load of a file that holds b.
func ParseFile(path string, b []byte) (Config, error) {
	c, err := Parse(b)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration %s: %w", path, err)
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration %s: %w", path, err)
	}
	c.From = File{Path: whole, Digest: DigestOf(b)}
	return c, nil
}

// DigestOf is the digest of a file that holds b.
func DigestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
