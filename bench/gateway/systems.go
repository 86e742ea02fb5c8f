package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/tripod-audit/tripod/bench/child"
)

// allSystems in the order in which they are reported. The first two are what the others are measured against.
var allSystems = []string{"direct", "bare", "nginx", "mitmproxy", "portkey", "claude-code-router", "tripod-observe", "tripod-enforce"}

// system is something that stands between the client and the mock.
type system struct {
	name   string
	url    string
	path   string            // of messages, where it is not the vendor's
	header map[string]string // it asks of clients
	*child.Process
	log  string
	ours bool // it must not lose or alter anything

	console string // of tripod
	data    string
}

func (s *system) kill() {
	if s.Process != nil {
		s.Kill()
	}
}

// start starts what can be started. What cannot says why in the report.
func (o options) start(ctx context.Context, cache string, up *upstream, r *report) (systems []*system, err error) {
	for _, name := range allSystems {
		if !wanted(o.systems, name) {
			continue
		}
		dir := filepath.Join(o.dir, name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return systems, err
		}
		s, err := o.startOne(ctx, name, dir, cache, up.url)
		var no *notHere
		switch {
		case errors.As(err, &no):
			say("%s is skipped: %v", name, err)
			r.skip(name, err)
			continue
		case err != nil:
			return systems, fmt.Errorf("%s: %w", name, err)
		}
		s.name = name
		systems = append(systems, s)
	}
	return systems, nil
}

// notHere is why a peer cannot be run on this machine.
type notHere struct{ why string }

func (e *notHere) Error() string { return e.why }

func wanted(list []string, name string) bool {
	if name == "direct" || name == "bare" {
		return true
	}
	for _, s := range list {
		if s == name {
			return true
		}
	}
	return false
}

func (o options) startOne(ctx context.Context, name, dir, cache, to string) (*system, error) {
	switch name {
	case "direct":
		return &system{url: to, ours: true}, nil
	case "bare":
		p, at, err := startSelf(ctx, "bare", to)
		return &system{url: at, Process: p, ours: true}, err
	case "nginx":
		return startNginx(ctx, dir, to)
	case "mitmproxy":
		return startMitmproxy(ctx, dir, to)
	case "portkey":
		return startPortkey(ctx, dir, cache, to)
	case "claude-code-router":
		return startRouter(ctx, dir, cache, to)
	}
	return o.startTripod(ctx, name, dir, to)
}

// freePort finds one.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// launch starts a command and waits until it listens at a port of loopback.
func launch(ctx context.Context, cmd *exec.Cmd, dir string, port int, within time.Duration) (*system, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if cmd.Dir == "" {
		cmd.Dir = dir
	}
	p, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	s := &system{url: fmt.Sprintf("http://127.0.0.1:%d", port), Process: p, log: log.Name()}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return s, conn.Close()
		}
		ended, exit := s.Ended()
		if ended || ctx.Err() != nil {
			s.Kill()
			return nil, fmt.Errorf("it does not listen (%v, ended: %v): %s", err, exit, child.Tail(s.log))
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

const nginxConfig = `daemon off;
worker_processes auto;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  client_max_body_size 64m; client_body_buffer_size 2m;
  keepalive_timeout 600s; keepalive_requests 1000000;
  upstream api { server %[2]s; keepalive 100; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:%[3]d;
    location / {
      proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_read_timeout 600s;
    }
  }
}
`

func startNginx(ctx context.Context, dir, to string) (*system, error) {
	bin, err := fromDebian(ctx, "nginx", "nginx-light", "/usr/sbin/nginx")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, dir, to[len("http://"):], port), 0o600); err != nil {
		return nil, err
	}
	return launch(ctx, exec.Command(bin, "-e", filepath.Join(dir, "error.log"), "-p", dir, "-c", config), dir, port, 10*time.Second)
}

// mitmproxy keeps whole answers back unless it is told to stream.
func startMitmproxy(ctx context.Context, dir, to string) (*system, error) {
	bin, err := fromDebian(ctx, "mitmdump", "mitmproxy", "/usr/bin/mitmdump")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(bin, "-q", "--mode", "reverse:"+to, "--listen-host", "127.0.0.1", "-p", fmt.Sprint(port), "--set", "stream_large_bodies=1", "--set", "confdir="+dir)
	return launch(ctx, cmd, dir, port, 30*time.Second)
}

// fromDebian finds a program or installs the package it comes in.
func fromDebian(ctx context.Context, program, pkg, usual string) (string, error) {
	for _, name := range []string{program, usual} {
		if bin, err := exec.LookPath(name); err == nil {
			return bin, nil
		}
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return "", &notHere{program + " is not installed, and only root on Debian could install " + pkg}
	}
	say("installing %s", pkg)
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-y", "-qq", "--no-install-recommends", pkg}} {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", &notHere{fmt.Sprintf("apt-get %s: %v: %.200s", args[0], err, out)}
		}
	}
	if _, err := os.Stat(usual); err != nil {
		return "", &notHere{fmt.Sprintf("%s was installed and did not bring %s", pkg, usual)}
	}
	return usual, nil
}

// answers reports whether one request gets through.
func (s *system) answers(ctx context.Context, c *corpus, stream bool) error {
	l, err := newLane(s, c.converse(1, 1<<40, shape{size: 40 << 10}))
	if err != nil {
		return err
	}
	defer l.close()
	_, err = l.ask(ctx, stream)
	return err
}
