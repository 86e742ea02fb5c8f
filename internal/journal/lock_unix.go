//go:build unix

package journal

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// takeLock makes this process the journal's only writer until the file is closed; the lock dies with the process.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal's lock: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = lockedError(path, f)
	} else if err != nil {
		err = fmt.Errorf("lock %s: %w", path, err)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	writeOwner(f)
	return f, nil
}

// releaseLock unlocks before it closes: a child that was forked this moment, and has not yet begun its own program, holds
// the open file as well.
func releaseLock(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

// writeOwner leaves the process id for whoever finds the journal locked. It may fail, on a full disk say, without harm.
func writeOwner(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
}

func lockedError(path string, f *os.File) error {
	owner := "another process"
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0) // only to say who
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
		owner = fmt.Sprintf("process %d", pid)
	}
	return fmt.Errorf("%w: %s holds %s; stop it, or let it do the work", ErrLocked, owner, path)
}
