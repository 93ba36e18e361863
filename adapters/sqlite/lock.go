//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrInUse is returned for a database that another process has open.
var ErrInUse = errors.New("another process has it open")

// TakeLock takes the operating system's lock on a file, which is made when it is
// not there. It fails with ErrInUse when another process has it, and falls with the
// process, however that ends.
func TakeLock(name string) (*os.File, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return file, nil
	}
	_ = file.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}
