package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/tripod-audit/tripod/internal/collect/complianceapi/api"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/secret"
)

// complianceKey is where the key comes from.
func complianceKey(k config.KeySource) api.KeySource {
	return func(ctx context.Context) (secret.String, error) {
		switch {
		case k.File != "":
			return secret.ReadFile(k.File)
		case len(k.Command) > 0:
			return keyFromCommand(ctx, k.Command)
		}
		key := secret.New(os.Getenv(k.Env))
		if key.IsZero() {
			return key, fmt.Errorf("environment variable %s is empty", k.Env)
		}
		return key, nil
	}
}

const (
	keyCommandTime = 30 * time.Second
	mostKey        = 64 << 10
)

// keyFromCommand runs a command that prints the key. What it prints appears nowhere, errors of its own included: a
// command that fails may say the secret it failed with.
func keyFromCommand(ctx context.Context, argv []string) (secret.String, error) {
	ctx, cancel := context.WithTimeout(ctx, keyCommandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return secret.String{}, fmt.Errorf("the command for the key: %s", exit.ProcessState)
		}
		return secret.String{}, fmt.Errorf("the command for the key: %w", err)
	}
	if len(out) > mostKey {
		return secret.String{}, errors.New("the command for the key printed more than a key")
	}
	return secret.New(string(bytes.TrimSpace(out))), nil
}
