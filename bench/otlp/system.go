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
	*child.Process
	log string
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
	process, err := child.Start(cmd)
	if err != nil {
		return nil, err
	}
	srv := &server{Process: process, log: log.Name()}
	err = waitFor(ctx, 30*time.Second, 20*time.Millisecond, func() error {
		if ended, err := srv.Ended(); ended {
			return fatal{fmt.Errorf("exited: %v", err)}
		}
		return s.ready(ctx, p)
	})
	if err != nil {
		srv.Kill()
		return nil, fmt.Errorf("%s did not become ready: %w\n%s", s.name(), err, child.Tail(srv.log))
	}
	return srv, nil
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
