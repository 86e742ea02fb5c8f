package consoletest

import (
	"context"
	"errors"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// Kept is a capture policy in a file that can be looked at alone.
type Kept struct{ Policy capture.Config }

// Rules implements console.Capture.
func (k Kept) Rules() capture.Config { return k.Policy }

// YAML implements console.Capture.
func (k Kept) YAML(c capture.Config) (string, error) {
	return "capture:\n  # " + c.Digest() + "\n", nil
}

// File implements console.Capture.
func (k Kept) File() (path, version string, closed error) { return "/etc/tripod/tripod.yaml", "1", nil }

// Write implements console.Capture.
func (k Kept) Write(context.Context, *access.Person, string, capture.Config) error {
	return errors.New("this file is for looking at")
}
