package waste

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"racord/cmd/city/gate"
)

// proxy stands before PostgreSQL: it counts connections and can misbehave
// where the server cannot.
type proxy struct {
	listen   net.Listener
	upstream func() (network, address string)
	gate     atomic.Pointer[gate.Gate]
	ctx      context.Context
	stop     context.CancelFunc
	sessions sync.WaitGroup
}

func newProxy(ctx context.Context, upstream func() (network, address string), g *gate.Gate) (*proxy, error) {
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listen: listen, upstream: upstream}
	p.gate.Store(g)
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.sessions.Go(p.accept)
	return p, nil
}

func (p *proxy) addr() string { return p.listen.Addr().String() }

func (p *proxy) close() {
	p.stop()
	_ = p.listen.Close()
	p.sessions.Wait()
}

func (p *proxy) accept() {
	for {
		conn, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.sessions.Go(func() {
			defer conn.Close()
			unblock := context.AfterFunc(p.ctx, func() { _ = conn.Close() })
			defer unblock()
			p.receive(conn, p.gate.Load())
		})
	}
}

func (p *proxy) receive(conn net.Conn, g *gate.Gate) {
	leave, _ := g.Enter() // over the limit PostgreSQL itself refuses
	defer leave()
	g.Wait(p.ctx)
	switch fault, _ := g.Draw(); fault.Kind {
	case gate.Down:
	case gate.Hang:
		gate.Silence(conn, fault.DelayOr(30*time.Second))
	case gate.SlowLoris:
		p.join(gate.Drip(p.ctx, conn, fault.DelayOr(100*time.Millisecond)), g)
	default:
		p.join(conn, g)
	}
}

// join passes bytes both ways until one side hangs up. It does not close the
// caller's side: whoever sees that closed must not be counted any more.
func (p *proxy) join(caller net.Conn, g *gate.Gate) {
	network, address := p.upstream()
	server, err := (&net.Dialer{}).DialContext(p.ctx, network, address)
	if err != nil {
		return
	}
	defer server.Close()
	var back sync.WaitGroup
	back.Go(func() {
		p.answer(caller, server, g)
		_ = caller.SetReadDeadline(time.Unix(1, 0)) // nothing more is passed on
	})
	_, _ = io.Copy(server, caller)
	_ = server.Close()
	back.Wait()
}

// inserted is how PostgreSQL says that one row was inserted.
var inserted = []byte("INSERT 0 1\x00")

// answer passes on what the server says, unless it says that a payment was
// taken and that is what the caller is not to hear.
func (p *proxy) answer(caller io.Writer, server io.Reader, g *gate.Gate) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if bytes.Contains(buffer[:n], inserted) {
			switch fault, _ := g.DrawPost(); fault.Kind {
			case gate.LostAnswer:
				return
			case gate.LostSilence:
				p.keepSilent(fault.DelayOr(30 * time.Second))
				return
			}
		}
		if _, failed := caller.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

func (p *proxy) keepSilent(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.ctx.Done():
	}
}
