//go:build claude

package cli

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Version of the CLI the scenarios were written for; package-lock.json pins it with its hash.
const Version = "2.1.330"

// The package and its hash. It is proprietary and never part of this repository.
//
//go:embed package.json package-lock.json
var pinned embed.FS

// Binary finds or installs the CLI.
func Binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TRIPOD_CLAUDE"); path != "" {
		return path
	}
	cache := os.Getenv("TRIPOD_E2E_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatalf("find a cache folder: %v; set TRIPOD_E2E_CACHE", err)
		}
		cache = filepath.Join(dir, "tripod-e2e")
	}
	home := filepath.Join(cache, "claude-code-"+Version)
	pattern := filepath.Join(home, "node_modules", "@anthropic-ai", "claude-code-*", "claude")
	if found, _ := filepath.Glob(pattern); len(found) == 0 {
		install(t, cache, home)
	}
	found, _ := filepath.Glob(pattern)
	if len(found) == 0 {
		t.Fatalf("npm installed no native claude for this platform: nothing matches %s", pattern)
	}
	return found[0]
}

// install puts the CLI into home. It works in a folder beside and renames, so that an interrupted or a second install
// leaves nothing half done.
func install(t *testing.T, cache, home string) {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Fatal("npm is not installed: install Node.js, or set TRIPOD_CLAUDE to a claude binary")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatalf("make the cache folder: %v; set TRIPOD_E2E_CACHE", err)
	}
	tmp, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		t.Fatalf("make an install folder: %v", err)
	}
	defer os.RemoveAll(tmp)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := pinned.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), b, 0o644)
		}
		if err != nil {
			t.Fatalf("copy %s: %v", name, err)
		}
	}
	t.Logf("installing claude %s (about 380 MB) into %s", Version, home)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm could not get @anthropic-ai/claude-code@%s (%v); is the registry reachable? "+
			"Otherwise set TRIPOD_CLAUDE to a claude binary.\n%s", Version, err, out)
	}
	if err := os.Rename(tmp, home); err != nil {
		if _, statErr := os.Stat(home); statErr != nil { // somebody else was faster: fine
			t.Fatalf("keep the install: %v", err)
		}
	}
}

// Client runs the CLI.
type Client struct {
	Binary string
	Env    []string
	Dir    string
}

// Run is one process of the CLI.
type Run struct {
	Out    bytes.Buffer // what it said; to be read after Wait
	cmd    *exec.Cmd
	cancel context.CancelFunc
}

// Limit ends a client that hangs. A busy machine takes a minute to read the program the first time.
const Limit = 4 * time.Minute

// Start starts the CLI. Wait for it.
func (c *Client) Start(t *testing.T, args ...string) *Run {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Limit)
	r := &Run{cmd: exec.CommandContext(ctx, c.Binary, args...), cancel: cancel}
	r.cmd.Env, r.cmd.Dir = c.Env, c.Dir
	r.cmd.Stdout, r.cmd.Stderr = &r.Out, &r.Out
	// A group of its own, so that its commands and MCP servers die with it.
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r.cmd.Cancel = func() error { return r.Kill() }
	r.cmd.WaitDelay = 5 * time.Second
	if err := r.cmd.Start(); err != nil {
		cancel()
		t.Fatalf("start claude: %v", err)
	}
	return r
}

// Kill sends SIGKILL to the client and all it started.
func (r *Run) Kill() error { return syscall.Kill(-r.cmd.Process.Pid, syscall.SIGKILL) }

// Wait waits for the end and tells how it ended: the exit code, or -1 for a signal.
func (r *Run) Wait(t *testing.T) int {
	t.Helper()
	defer r.cancel()
	err := r.cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("run claude: %v\n%s", err, &r.Out)
	}
	return r.cmd.ProcessState.ExitCode()
}

// Refuser is the proxy every client is given. It passes nothing and notes what was asked for, so that a test can tell
// that all traffic stayed on loopback.
type Refuser struct {
	URL   string
	mu    sync.Mutex
	hosts map[string]int // guarded by mu
}

// NewRefuser starts one, until the test ends.
func NewRefuser(t *testing.T) *Refuser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the refusing proxy: %v", err)
	}
	p := &Refuser{URL: "http://" + l.Addr().String(), hosts: map[string]int{}}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.hosts[r.Method+" "+r.Host]++
		p.mu.Unlock()
		http.Error(w, "this test stays on loopback", http.StatusForbidden)
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return p
}

// String lists what was asked for.
func (p *Refuser) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.hosts) == 0 {
		return "nothing"
	}
	return strings.Trim(fmt.Sprint(p.hosts), "map[]")
}
