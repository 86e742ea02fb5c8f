package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// vendor is the simulated Compliance API.
type vendor struct {
	*child.Process
	URL string `json:"url"`
	Key string `json:"read_key"`
}

func (o options) since() time.Time {
	return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -o.days)
}

func startVendor(ctx context.Context, o options) (*vendor, error) {
	cmd := exec.CommandContext(ctx, o.tripod, "simulate", "compliance-api", "--rate=-1", "--volume", strconv.Itoa(o.volume),
		"--seed", strconv.Itoa(o.seed), "--since", o.since().Format(time.RFC3339))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	v := &vendor{Process: p}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	return v, nil
}

// server is tripod serve.
type server struct {
	*child.Process
	console, data, log string
}

func startTripod(o options, v *vendor, dir string) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{console: l.Addr().String(), data: filepath.Join(dir, "data"), log: filepath.Join(dir, "log")}
	if err := l.Close(); err != nil {
		return nil, err
	}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(o.tripod, "serve", "--data", s.data, "--listen-otlp-http", "127.0.0.1:0", "--listen-otlp-grpc", "127.0.0.1:0", "--listen-console", s.console, "--listen-gateway", "")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(child.Environ(), "TRIPOD_COMPLIANCE_KEY="+v.Key, "TRIPOD_COMPLIANCE_URL="+v.URL, "TRIPOD_COMPLIANCE_START="+o.since().Format(time.DateOnly))
	if o.profile != "" {
		cmd.Env = append(cmd.Env, "TRIPOD_DEBUG_PPROF=1")
	}
	s.Process, err = child.Start(cmd)
	return s, err
}

// at is the URL of a path of the console.
func (s *server) at(path string) string { return "http://" + s.console + path }
