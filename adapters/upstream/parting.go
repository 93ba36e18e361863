package upstream

import (
	"context"
	"io"
	"net"
	"time"
)

// goodbye is how long a closing connection waits for the other side.
const goodbye = 3 * time.Second

// Dial opens a connection for protocols other than HTTP ("tcp", "tcp4" or
// "tcp6"). It fails with an error that wraps ErrWall when the wall refuses. Its
// Close returns when the other side has closed as well, or after 3 s: a
// creditor that counts connections must not see the next one before that.
func (c *Client) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := c.dial.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &parting{tcp}, nil
	}
	return conn, nil
}

type parting struct{ *net.TCPConn }

// Close says goodbye, waits, and closes.
func (p *parting) Close() error {
	if p.CloseWrite() == nil && p.SetReadDeadline(time.Now().Add(goodbye)) == nil {
		_, _ = io.Copy(io.Discard, p.TCPConn)
	}
	return p.TCPConn.Close()
}
