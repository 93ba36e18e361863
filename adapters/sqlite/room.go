//go:build unix

package sqlite

import (
	"context"
	"errors"
	"syscall"

	"racord/hub"
)

// What must be free before a payment is begun: of the disk, and of the file when
// its pages are limited. Payments that are under way need it.
const (
	roomOnDisk = 64 << 20
	roomInFile = 1 << 20
)

// Room finds out whether the disk and the file have room to finish payments that
// are begun.
func (e *engine) Room(ctx context.Context) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.dir, &disk); err != nil {
		return err
	}
	if disk.Bavail*uint64(disk.Bsize) < roomOnDisk {
		return hub.Errorf(hub.CodeUnavailable, "The disk is nearly full. No payment is begun.")
	}
	return e.probe(ctx)
}

// probe writes what a payment may need, and takes it back.
func (e *engine) probe(ctx context.Context) error {
	tx, err := e.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO anomalies (id, at, kind, payment, detail) VALUES ('probe', 0, '', '', zeroblob($1))`, roomInFile)
	return errors.Join(err, tx.Rollback())
}
