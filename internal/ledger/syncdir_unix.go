//go:build !windows

package ledger

import (
	"errors"
	"os"
)

// syncDir makes the names in a directory durable.
func syncDir(dir string) (err error) {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}
