package forward

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/tripod-audit/tripod/internal/secret"
)

// Secret says where a credential is: the name of an environment variable, a file (mode 0600), or a command that prints it,
// run without a shell. It is read anew whenever a receiver refuses it, so that it can be replaced.
type Secret struct {
	Env     string   `yaml:"env"`
	File    string   `yaml:"file"`
	Command []string `yaml:"command"`
}

// IsZero reports whether none is named.
func (s Secret) IsZero() bool { return s.Env == "" && s.File == "" && len(s.Command) == 0 }

// Validate wants exactly one place.
func (s Secret) Validate() error {
	n := 0
	for _, named := range []bool{s.Env != "", s.File != "", len(s.Command) > 0} {
		if named {
			n++
		}
	}
	if n != 1 {
		return errors.New("name one of env, file and command, where the secret is")
	}
	return nil
}

const (
	commandTime = 30 * time.Second
	mostSecret  = 64 << 10 // bytes
)

// Read reads it. Errors do not show it.
func (s Secret) Read(ctx context.Context) (secret.String, error) {
	switch {
	case s.File != "":
		return secret.ReadFile(s.File)
	case len(s.Command) > 0:
		return s.run(ctx)
	}
	v := secret.New(os.Getenv(s.Env))
	if v.IsZero() {
		return v, fmt.Errorf("environment variable %s is empty", s.Env)
	}
	return v, nil
}

// run runs the command. What it prints appears nowhere, errors of its own included.
func (s Secret) run(ctx context.Context) (secret.String, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Command[0], s.Command[1:]...)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return secret.String{}, fmt.Errorf("the command for the secret: %s", exit.ProcessState)
		}
		return secret.String{}, fmt.Errorf("the command for the secret: %w", err)
	}
	if len(out) > mostSecret {
		return secret.String{}, errors.New("the command for the secret printed more than a secret")
	}
	v := secret.New(string(bytes.TrimSpace(out)))
	if v.IsZero() {
		return v, errors.New("the command for the secret printed nothing")
	}
	return v, nil
}
