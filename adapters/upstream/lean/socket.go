package lean

import (
	"fmt"
	"io"
	"net"
	"syscall"
)

// socket looks at, and writes to, what is under a connection without TLS. One
// request at a time uses it.
type socket struct {
	raw  syscall.RawConn
	look func(uintptr) // peek and put, bound once
	post func(uintptr) bool

	quiet bool   // what peek saw: open, and nothing to read
	out   []byte // what put is to write
	sent  int    // how much of it was written; negative = put was not called yet
}

// errNotQuiet is why nothing was written to a connection.
var errNotQuiet = fmt.Errorf("lean: the connection is not quiet before anything was asked: %w", io.ErrUnexpectedEOF)

// socketOf gives the socket under a connection, nil where there is none to be seen.
func socketOf(c net.Conn) *socket {
	visible, ok := c.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := visible.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{raw: raw}
	s.look, s.post = s.peek, s.put
	return s
}

// isQuiet tells, without waiting, whether the connection is open and there is
// nothing to read.
func (s *socket) isQuiet() bool {
	s.quiet = false
	return s.raw.Control(s.look) == nil && s.quiet
}

func (s *socket) peek(fd uintptr) {
	var one [1]byte
	n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	s.quiet = n <= 0 && (err == syscall.EAGAIN || err == syscall.EWOULDBLOCK)
}

// ask writes out to a quiet connection and waits for the first of the answer: who
// writes and then reads reads in vain, because the answer is still on its way. It
// fails with errNotQuiet when it wrote nothing because the other side had closed or
// said something. rest is what is still to be written; nobody waited then.
//
// The runtime is told about what arrives by edges: it forgets those that came
// before it begins to watch, looks for none that is there already, and keeps those
// that come after. So it begins to watch first (RawConn.Read does), then we look,
// then we write: what came before the look is seen, and what comes after is kept.
func (s *socket) ask(out []byte) (rest []byte, err error) {
	s.out, s.sent, s.quiet = out, -1, true
	err = s.raw.Read(s.post)
	s.out = nil
	switch {
	case err != nil:
		return nil, err
	case !s.quiet:
		return nil, errNotQuiet
	}
	return out[s.sent:], nil
}

// put looks, writes what the socket takes at once, and is called again when there
// may be something to read. It is true when nothing is to be waited for.
func (s *socket) put(fd uintptr) bool {
	if s.sent >= 0 {
		return true
	}
	if s.peek(fd); !s.quiet {
		return true
	}
	n, err := syscall.Write(int(fd), s.out)
	s.sent = max(n, 0)
	return err != nil || n < len(s.out)
}
