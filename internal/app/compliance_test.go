package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/config"
)

func TestComplianceKey(t *testing.T) {
	t.Setenv("TRIPOD_TEST_KEY", "sk-of-the-environment")
	dir := t.TempDir()
	write := func(name string, mode os.FileMode, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open, closed := write("open", 0o644, "sk-of-a-file"), write("closed", 0o600, "sk-of-a-file\n")
	f := func(c config.KeySource, want, problem string) {
		t.Helper()
		key, err := complianceKey(c)(t.Context())
		if problem == "" && (err != nil || key.Reveal() != want) {
			t.Errorf("%+v: %q, %v", c, key.Reveal(), err)
		}
		if problem != "" && (err == nil || !strings.Contains(err.Error(), problem) || strings.Contains(err.Error(), "sk-")) {
			t.Errorf("%+v: %v, want %q", c, err, problem)
		}
	}
	f(config.KeySource{Env: "TRIPOD_TEST_KEY"}, "sk-of-the-environment", "")
	f(config.KeySource{Env: "TRIPOD_TEST_NO_KEY"}, "", "TRIPOD_TEST_NO_KEY is empty")
	f(config.KeySource{File: closed}, "sk-of-a-file", "")
	f(config.KeySource{File: open}, "", "chmod 600")
	f(config.KeySource{Command: []string{"cat", closed}}, "sk-of-a-file", "")
	f(config.KeySource{Command: []string{"sh", "-c", "echo sk-secret; echo sk-secret >&2; exit 3"}}, "", "exit status 3")
	f(config.KeySource{Command: []string{filepath.Join(dir, "no-such-command")}}, "", "no such file")
}

func TestNoKeyNoFeed(t *testing.T) {
	t.Parallel()
	c, err := newCompliance(&App{cfg: config.Default(), truth: &Truth{}})
	if c != nil || err != nil {
		t.Errorf("%v %v", c, err)
	}
}
