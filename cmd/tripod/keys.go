package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

type keysCommand struct {
	Export keysExport `cmd:"" help:"Print the public key that verifies the ledger; keep it where nobody who can write the data directory can change it."`
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
