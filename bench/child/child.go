// Package child runs the servers that are measured as processes of their own, and reads off what they use and tell.
//
// It keeps nothing: durability is what the server measured promises. Order: a Process is started, stopped or killed, in that
// order. Concurrency: a Process is for one goroutine, everything else safe for concurrent use; a Process owns one goroutine,
// which ends with the child. It needs Linux, for /proc and so that no child outlives its parent.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// stopWithin is how long a child may take to end.
const stopWithin = 2 * time.Minute

// Process is a child that ends with this process.
type Process struct {
	cmd    *exec.Cmd
	exited chan error // what it ended with, put back by who takes it
}

// Start starts a child. Stop or Kill it.
func Start(cmd *exec.Cmd) (*Process, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	p := &Process{cmd: cmd, exited: make(chan error, 1)}
	go func() { p.exited <- cmd.Wait() }() // ends with the child
	return p, nil
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended reports whether the child has ended, and with what.
func (p *Process) Ended() (bool, error) {
	select {
	case err := <-p.exited:
		p.exited <- err
		return true, err
	default:
		return false, nil
	}
}

// Stop ends the child as an operator would and wants it to agree within two minutes.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	select {
	case err := <-p.exited:
		p.exited <- err
		if err != nil {
			return fmt.Errorf("stopped: %w", err)
		}
		return nil
	case <-time.After(stopWithin):
		p.Kill()
		return errors.New("did not stop within two minutes")
	}
}

// Kill ends what may still run; it does no harm after Stop.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	p.exited <- <-p.exited
}

// Environ is the environment without what would configure tripod.
func Environ() (list []string) {
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "TRIPOD_") {
			list = append(list, kv)
		}
	}
	return list
}

// Tail is the end of a log for an error's text, at most 2,000 bytes.
func Tail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}
