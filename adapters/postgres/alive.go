//go:build unix

package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// alive looks, without waiting, whether the server closed a connection or said
// something unasked: such a one is not used again. So a server that was killed
// and is back costs no caller an error.
func alive(_ context.Context, c *pgx.Conn) error {
	conn := c.PgConn().Conn()
	if secret, ok := conn.(*tls.Conn); ok {
		conn = secret.NetConn()
	}
	raw, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	access, err := raw.SyscallConn()
	if err != nil {
		return driver.ErrBadConn
	}
	quiet := false
	err = access.Control(func(fd uintptr) { // not Read: that waits for a reader of pgx's own
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
	})
	if err != nil || !quiet {
		return driver.ErrBadConn
	}
	return nil
}
