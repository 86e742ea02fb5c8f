package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// system is one of the servers compared.
type system interface {
	name() string
	// command gives the server to start on p, and writes what configuration
	// it needs.
	command(p place) (*exec.Cmd, error)
	// ready reports whether the server takes exports.
	ready(ctx context.Context, p place) error
	// drained waits until the last of the records acknowledged can be found,
	// and says since when.
	drained(ctx context.Context, p place, o outcome) (time.Time, error)
	// verify counts, after the server has stopped, what it kept: all records
	// of the workload and the distinct ones among them.
	verify(ctx context.Context, p place) (kept, distinct int, err error)
}

// place is where one run of a server lives.
type place struct {
	dir                 string // everything of this run
	data                string // what the server writes and is measured by
	http, grpc, console string // addresses
}

func newPlace(dir string) (place, error) {
	p := place{dir: dir, data: filepath.Join(dir, "data")}
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		return place{}, err
	}
	for _, addr := range []*string{&p.http, &p.grpc, &p.console} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return place{}, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close() // late, so that the three differ
		*addr = l.Addr().String()
	}
	return p, nil
}

// server is a started system.
type server struct {
	cmd    *exec.Cmd
	log    string
	exited chan error
}

// start runs the system and returns once it is ready.
func start(ctx context.Context, s system, p place) (*server, error) {
	cmd, err := s.command(p)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", s.name(), err)
	}
	log, err := os.Create(filepath.Join(p.dir, "server.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name(), err)
	}
	srv := &server{cmd: cmd, log: log.Name(), exited: make(chan error, 1)}
	go func() { srv.exited <- cmd.Wait() }()

	err = waitFor(ctx, 30*time.Second, 20*time.Millisecond, func() error {
		select {
		case err := <-srv.exited:
			srv.exited <- err
			return fatal{fmt.Errorf("exited: %v", err)}
		default:
			return s.ready(ctx, p)
		}
	})
	if err != nil {
		srv.kill()
		return nil, fmt.Errorf("%s did not become ready: %w\n%s", s.name(), err, srv.tail())
	}
	return srv, nil
}

// stop ends the server as an operator would and wants it to agree.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop server: %w", err)
	}
	select {
	case err := <-s.exited:
		s.exited <- err
		if err != nil {
			return fmt.Errorf("server stopped: %w\n%s", err, s.tail())
		}
		return nil
	case <-time.After(2 * time.Minute):
		s.kill()
		return fmt.Errorf("server did not stop within two minutes\n%s", s.tail())
	}
}

// kill ends what may still run; it does no harm after stop.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	s.exited <- <-s.exited
}

func (s *server) tail() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}

// fatal is an error that waiting does not mend.
type fatal struct{ error }

// waitFor calls f every pause until it gives nil, and returns its last error
// after limit.
func waitFor(ctx context.Context, limit, pause time.Duration, f func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := f()
		if err == nil || errors.As(err, &fatal{}) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %v: %w", limit, err)
		case <-time.After(pause):
		}
	}
}
