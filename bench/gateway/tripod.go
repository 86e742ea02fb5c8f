package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
	"github.com/tripod-audit/tripod/internal/journal"
)

// tripodConfig keeps all content and leaves everything else as it comes.
const tripodConfig = `capture:
  rules:
    - keep: text
gateway:
  upstream: %q
policy:
  mode: %s
`

func (o options) startTripod(ctx context.Context, name, dir, to string) (*system, error) {
	bin := o.tripod
	if bin == "" {
		bin = filepath.Join(o.dir, "tripod")
		if _, err := os.Stat(bin); err != nil {
			say("building tripod")
			build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "github.com/tripod-audit/tripod/cmd/tripod")
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("build tripod: %w\n%s", err, out)
			}
		}
	}
	config := filepath.Join(dir, "tripod.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, tripodConfig, to, strings.TrimPrefix(name, "tripod-")), 0o600); err != nil {
		return nil, err
	}
	console, err := freePort()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(bin, "serve", "-c", config, "--data", data, "--listen-console", fmt.Sprintf("127.0.0.1:%d", console),
		"--listen-otlp-http", "", "--listen-otlp-grpc", "", "--listen-gateway", fmt.Sprintf("127.0.0.1:%d", port))
	cmd.Env = child.Environ()
	if o.profile != "" {
		cmd.Env = append(cmd.Env, "TRIPOD_DEBUG_PPROF=1")
	}
	s, err := launch(ctx, cmd, dir, port, 30*time.Second)
	if err != nil {
		return nil, err
	}
	s.ours, s.data, s.console = true, data, fmt.Sprintf("http://127.0.0.1:%d", console)
	return s, nil
}

// onRecord tells what Tripod has on record of what passed: every request for messages, and how each ended.
func (s *system) onRecord(ctx context.Context) (string, error) {
	j, err := journal.OpenReader(ctx, s.data)
	if err != nil {
		return "", err
	}
	defer j.Close()
	count, bytes := map[string]int{}, int64(0)
	for st, err := range j.Scan(ctx, 1, 0) {
		if err != nil {
			return "", err
		}
		r, err := st.Record()
		if err != nil {
			return "", err
		}
		count[r.Type]++
	}
	for _, pattern := range []string{"journal.db*", "content.db*", "index/*"} {
		files, _ := filepath.Glob(filepath.Join(s.data, pattern))
		for _, f := range files {
			if i, err := os.Stat(f); err == nil {
				bytes += i.Size()
			}
		}
	}
	list, err := json.Marshal(count)
	return fmt.Sprintf("%s: %d requests and %d ends on record, %d MiB on disk, by type %s", s.name, count["llm.request"], count["llm.end"], bytes>>20, list), err
}
