package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const collectorVersion = "0.120.0"

// The stable modules of that release are numbered 1.26.0.
const builderConfig = `dist:
  module: bench.invalid/otelcol
  name: otelcol
  version: ` + collectorVersion + `
  output_path: %q
receivers:
  - gomod: go.opentelemetry.io/collector/receiver/otlpreceiver v` + collectorVersion + `
exporters:
  - gomod: github.com/open-telemetry/opentelemetry-collector-contrib/exporter/fileexporter v` + collectorVersion + `
providers:
  - gomod: go.opentelemetry.io/collector/confmap/provider/envprovider v1.26.0
  - gomod: go.opentelemetry.io/collector/confmap/provider/fileprovider v1.26.0
`

// cacheDir is outside the repository, so that neither the builder nor the
// collector can enter Tripod's module.
func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(base, "tripod-bench")
	return dir, os.MkdirAll(dir, 0o755)
}

// buildCollector gives the collector's binary, which it builds the first time;
// that takes a minute or two.
func buildCollector(ctx context.Context, cache string) (string, error) {
	final := filepath.Join(cache, "otelcol-"+collectorVersion)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	say("building the collector v%s into %s", collectorVersion, cache)
	work, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	env := []string{"GOBIN=" + work, "GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0"}
	if err := run(ctx, work, env, "go", "install", "go.opentelemetry.io/collector/cmd/builder@v"+collectorVersion); err != nil {
		return "", err
	}
	config := filepath.Join(work, "builder.yaml")
	out := filepath.Join(work, "otelcol")
	if err := os.WriteFile(config, fmt.Appendf(nil, builderConfig, out), 0o600); err != nil {
		return "", err
	}
	if err := run(ctx, work, env, filepath.Join(work, "builder"), "--config", config); err != nil {
		return "", err
	}
	return final, os.Rename(filepath.Join(out, "otelcol"), final)
}

// buildTripod builds the checkout that this program is run from.
func buildTripod(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "tripod")
	return out, run(ctx, "", []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", out, "github.com/tripod-audit/tripod/cmd/tripod")
}

func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}
