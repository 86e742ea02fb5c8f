package journal

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const errSharingViolation syscall.Errno = 32

// takeLock makes this process the journal's only writer until the file is closed: it is opened for nobody else.
func takeLock(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("open the journal's lock: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, fmt.Errorf("%w: another process holds %s; stop it, or let it do the work", ErrLocked, path)
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return os.NewFile(uintptr(h), path), nil
}

func releaseLock(f *os.File) error { return f.Close() }
