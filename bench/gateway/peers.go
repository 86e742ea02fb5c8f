package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// The packages and their hashes are pinned. They are never part of this repository.
//
//go:embed peers/package.json peers/package-lock.json
var peersLock embed.FS

// fromNPM installs the peers that come from npm, once, and gives their node_modules.
func fromNPM(ctx context.Context, cache string) (string, error) {
	home := filepath.Join(cache, "gateway-peers-1")
	modules := filepath.Join(home, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", &notHere{"npm is not installed"}
	}
	tmp, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	for _, name := range []string{"package.json", "package-lock.json"} {
		b, err := peersLock.ReadFile("peers/" + name)
		if err == nil {
			err = os.WriteFile(filepath.Join(tmp, name), b, 0o600)
		}
		if err != nil {
			return "", err
		}
	}
	say("installing the peers from npm into %s", home)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &notHere{fmt.Sprintf("npm ci: %v: %.300s", err, out)}
	}
	if err := os.Rename(tmp, home); err != nil {
		if _, statErr := os.Stat(modules); statErr != nil { // somebody else was faster: fine
			return "", err
		}
	}
	return modules, nil
}

func node(ctx context.Context, cache string) (bin, modules string, err error) {
	if bin, err = exec.LookPath("node"); err != nil {
		return "", "", &notHere{"node is not installed"}
	}
	modules, err = fromNPM(ctx, cache)
	return bin, modules, err
}

func startPortkey(ctx context.Context, dir, cache, to string) (*system, error) {
	bin, modules, err := node(ctx, cache)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, filepath.Join(modules, "@portkey-ai", "gateway", "build", "start-server.js"), "--headless", fmt.Sprintf("--port=%d", port))
	cmd.Env = append(os.Environ(), "HOME="+dir, "NODE_ENV=production")
	s, err := launch(ctx, cmd, dir, port, 30*time.Second)
	if err != nil {
		return nil, &notHere{err.Error()}
	}
	s.header = map[string]string{"X-Portkey-Provider": "anthropic", "X-Portkey-Custom-Host": to + "/v1"}
	return s, nil
}

// startRouter configures claude-code-router to pass requests of the vendor's form on in that form.
func startRouter(ctx context.Context, dir, cache, to string) (*system, error) {
	bin, modules, err := node(ctx, cache)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	config, err := json.Marshal(map[string]any{
		"LOG": false, "HOST": "127.0.0.1", "PORT": port, "API_TIMEOUT_MS": 600000,
		"Providers": []any{map[string]any{
			"name": "mock", "api_base_url": to + "/v1/messages", "api_key": "sk-ant-fake", "models": []string{"claude-opus-5-5"},
			"transformer": map[string]any{"use": []string{"Anthropic"}},
		}},
		"Router": map[string]any{"default": "mock,claude-opus-5-5"},
	})
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, ".claude-code-router")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(home, "config.json"), config, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, filepath.Join(modules, "@musistudio", "claude-code-router", "dist", "cli.js"), "start")
	cmd.Env = append(os.Environ(), "HOME="+dir, "NODE_ENV=production", fmt.Sprintf("SERVICE_PORT=%d", port))
	s, err := launch(ctx, cmd, dir, port, 30*time.Second)
	if err != nil {
		return nil, &notHere{err.Error()}
	}
	return s, nil
}
