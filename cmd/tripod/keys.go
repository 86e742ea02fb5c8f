package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/backup"
)

type keysCommand struct {
	Pin      keysPin      `cmd:"" help:"Print the keyed hash that gateway.credentials.pinned names an API key by; the key is read from standard input."`
	Check    keysCheck    `cmd:"" help:"Check that every key is there, is the right one, and opens what it is for."`
	Rotate   keysRotate   `cmd:"" help:"Change the master key, the ledger's signing key, or data keys."`
	Identity keysIdentity `cmd:"" help:"Make a private key that opens backups, in a file, and print the public one, to which they are sealed."`
	Export   keysExport   `cmd:"" help:"Print the public key that verifies the ledger; keep it where nobody who can write the data directory can change it."`
}

type keysIdentity struct {
	File string `arg:"" help:"Where to put the private key; kept off this machine, it is what a restore needs."`
}

func (c *keysIdentity) Run(std streams) error {
	recipient, err := backup.NewIdentity(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(std.out, recipient)
	return err
}

type keysPin struct {
	dataFlag
}

// mostPinned is how long a credential is at most, in bytes.
const mostPinned = 64 << 10

func (c *keysPin) Run(std streams) error {
	b, err := io.ReadAll(io.LimitReader(std.in, mostPinned))
	if err != nil {
		return fmt.Errorf("read the API key from standard input: %w", err)
	}
	credential := strings.TrimSpace(string(b))
	if credential == "" || strings.ContainsAny(credential, " \r\n\t") {
		return usage{errors.New("keys pin: want one API key on standard input")}
	}
	hash, err := app.PinOf(c.Data, credential)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, hash)
	return nil
}

type keysExport struct {
	dataFlag
}

func (c *keysExport) Run(std streams) error {
	b, err := os.ReadFile(filepath.Join(c.Data, "keys", "ledger.pub"))
	if err != nil {
		return fmt.Errorf("read the ledger's public key: %w: it is made at the first start of tripod serve, for its owner to read", err)
	}
	_, err = std.out.Write(append(bytes.TrimSpace(b), '\n'))
	return err
}
