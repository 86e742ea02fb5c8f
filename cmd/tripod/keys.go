package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/secret"
)

type keysCommand struct {
	Pin      keysPin      `cmd:"" help:"Print the keyed hash that gateway.credentials.pinned names an API key by; the key is read from standard input."`
	Check    keysCheck    `cmd:"" help:"Check that every key is there, is the right one, and opens what it is for."`
	Rotate   keysRotate   `cmd:"" help:"Change the master key, the ledger's signing key, or data keys."`
	Identity keysIdentity `cmd:"" help:"Make a private key that opens backups, in a file, and print the public one, to which they are sealed."`
	Export   keysExport   `cmd:"" help:"Print the public key that verifies the ledger, to be kept where nobody who can write the data directory can change it; or the master key, sealed, for the safe."`
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
	Master bool `help:"Print the master key instead, sealed by a passphrase that is read from standard input."`
}

func (c *keysExport) Run(std streams) error {
	if c.Master {
		return c.master(std)
	}
	b, err := os.ReadFile(filepath.Join(c.Data, "keys", "ledger.pub"))
	if err != nil {
		return fmt.Errorf("read the ledger's public key: %w: it is made at the first start of tripod serve, for its owner to read", err)
	}
	_, err = std.out.Write(append(bytes.TrimSpace(b), '\n'))
	return err
}

// master prints the master key, sealed. Whoever can read it in the data directory may.
func (c *keysExport) master(std streams) error {
	phrase, err := readPassphrase(std)
	if err != nil {
		return err
	}
	text, err := app.ExportMaster(c.Data, phrase)
	if err != nil {
		return err
	}
	_, err = std.out.Write(text)
	return err
}

// readPassphrase reads one line of standard input.
func readPassphrase(std streams) (secret.String, error) {
	if std.terminal {
		fmt.Fprintln(std.err, "passphrase, which is shown as you type:")
	}
	line, err := bufio.NewReader(io.LimitReader(std.in, mostPinned)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.String{}, fmt.Errorf("read the passphrase from standard input: %w", err)
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return secret.String{}, usage{errors.New("want the passphrase on standard input, on one line")}
	}
	return secret.New(line), nil
}
