//go:build !linux

package journal

import (
	"errors"
	"testing"
)

func mountSmall(testing.TB, int) (dir string, err error) {
	return "", errors.New("only Linux mounts a tmpfs")
}
