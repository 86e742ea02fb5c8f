package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child that ends with this one.
type process struct {
	cmd    *exec.Cmd
	exited chan error
}

func start(cmd *exec.Cmd) (*process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &process{cmd: cmd, exited: make(chan error, 1)}
	go func() { p.exited <- cmd.Wait() }() // ends with the child
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the child as an operator would and wants it to agree.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-p.exited:
		p.exited <- err
		return err
	case <-time.After(2 * time.Minute):
		p.kill()
		return errors.New("did not stop within two minutes")
	}
}

// kill ends what may still run; it does no harm after stop.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	p.exited <- <-p.exited
}

// vendor is the simulated Compliance API.
type vendor struct {
	*process
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
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	v := &vendor{process: p}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, v)
	}
	if err != nil {
		p.kill()
		return nil, fmt.Errorf("start the simulator: %w", err)
	}
	return v, nil
}

// server is tripod serve.
type server struct {
	*process
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
	cmd := exec.Command(o.tripod, "serve", "--data", s.data, "--listen-otlp-http", "127.0.0.1:0", "--listen-otlp-grpc", "127.0.0.1:0", "--listen-console", s.console)
	cmd.Stdout, cmd.Stderr = log, log
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "TRIPOD_") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "TRIPOD_COMPLIANCE_KEY="+v.Key, "TRIPOD_COMPLIANCE_URL="+v.URL, "TRIPOD_COMPLIANCE_START="+o.since().Format(time.DateOnly))
	if o.profile != "" {
		cmd.Env = append(cmd.Env, "TRIPOD_DEBUG_PPROF=1")
	}
	s.process, err = start(cmd)
	return s, err
}

func (s *server) tail() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// gauges reads /metrics: samples without timestamps, by name and labels as written.
func (s *server) gauges(ctx context.Context) (map[string]float64, error) {
	body, err := s.get(ctx, "/metrics")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	m := map[string]float64{}
	in := bufio.NewScanner(body)
	for in.Scan() {
		name, value, ok := strings.Cut(in.Text(), " ")
		if !ok || name == "#" {
			continue
		}
		if m[name], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("metrics line %q: %w", in.Text(), err)
		}
	}
	return m, in.Err()
}

func (s *server) get(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.console+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		res.Body.Close()
		return nil, fmt.Errorf("%s: %s", path, res.Status)
	}
	return res.Body, nil
}

// save writes what a path of the console gives into a file.
func (s *server) save(ctx context.Context, path, file string) error {
	body, err := s.get(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, body)
	return errors.Join(err, f.Close())
}
