package heating

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"racord/cmd/city/gate"
)

// Server is the company's SFTP server.
type Server struct {
	listen   net.Listener
	config   *ssh.ServerConfig
	shelf    atomic.Pointer[shelf]
	ctx      context.Context
	stop     context.CancelFunc
	sessions sync.WaitGroup
}

// shelf is what the server shows and the door before it.
type shelf struct {
	archive *Archive
	gate    *gate.Gate
}

// Listen serves files on addr to one user until Close.
func Listen(ctx context.Context, addr, user, password string, a *Archive, g *gate.Gate) (*Server, error) {
	listen, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listen: listen}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.config = &ssh.ServerConfig{PasswordCallback: s.check(user, password)}
	s.config.AddHostKey(hostKey())
	s.Show(a, g)
	s.sessions.Go(s.accept)
	return s, nil
}

// Show replaces the files and the door, for sessions that begin from now on.
func (s *Server) Show(a *Archive, g *gate.Gate) { s.shelf.Store(&shelf{a, g}) }

// Addr is host:port.
func (s *Server) Addr() string { return s.listen.Addr().String() }

// Close ends all sessions.
func (s *Server) Close() error {
	s.stop()
	err := s.listen.Close()
	s.sessions.Wait()
	return err
}

// hostKey is the same in every city, so that manifests can pin it.
var hostKey = sync.OnceValue(func() ssh.Signer {
	seed := sha256.Sum256([]byte("napoca-test heating host key"))
	signer, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		panic(err) // an ed25519 key always makes a signer
	}
	return signer
})

// HostKey is the server's public key as a line of authorized_keys.
func HostKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(hostKey().PublicKey())))
}

func (s *Server) check(user, password string) func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) {
	return func(conn ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
		_, refused := s.shelf.Load().gate.On(gate.Auth)
		if refused || conn.User() != user || subtle.ConstantTimeCompare(given, []byte(password)) != 1 {
			return nil, errors.New("heating: wrong user or password")
		}
		return nil, nil
	}
}

func (s *Server) accept() {
	for {
		conn, err := s.listen.Accept()
		if err != nil {
			return
		}
		s.sessions.Go(func() {
			defer conn.Close()
			unblock := context.AfterFunc(s.ctx, func() { _ = conn.Close() })
			defer unblock()
			s.receive(conn, s.shelf.Load())
		})
	}
}

// receive counts a connection in and lets it meet the faults of the wire.
func (s *Server) receive(conn net.Conn, on *shelf) {
	leave, _ := on.gate.Enter()
	defer leave()
	on.gate.Wait(s.ctx)
	fault, hit := on.gate.Draw()
	seen := files{archive: on.archive, conn: conn, ctx: s.ctx}
	if !hit {
		s.session(conn, seen)
		return
	}
	switch fault.Kind {
	case gate.Down, gate.Refuse503, gate.RateLimited, gate.Maintenance:
	case gate.Hang:
		gate.Silence(conn, fault.DelayOr(30*time.Second))
	case gate.SlowLoris:
		s.session(gate.Drip(s.ctx, conn, fault.DelayOr(100*time.Millisecond)), seen)
	case gate.LostAnswer:
		seen.cut = true
		s.session(conn, seen)
	default: // shows in the files or at the password
		s.session(conn, seen)
	}
}

// session speaks SSH and serves the sftp subsystem.
func (s *Server) session(conn net.Conn, f files) {
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second)) // for the handshake alone
	secure, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	_ = conn.SetDeadline(time.Time{})
	defer secure.Close()
	go ssh.DiscardRequests(requests)
	for wanted := range channels {
		if wanted.ChannelType() != "session" {
			_ = wanted.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, asked, err := wanted.Accept()
		if err != nil {
			return
		}
		s.sessions.Go(func() { subsystem(channel, asked, f) })
	}
}

func subsystem(channel ssh.Channel, asked <-chan *ssh.Request, f files) {
	defer channel.Close()
	for request := range asked {
		isSFTP := request.Type == "subsystem" && len(request.Payload) > 4 && string(request.Payload[4:]) == "sftp"
		_ = request.Reply(isSFTP, nil)
		if !isSFTP {
			continue
		}
		go ssh.DiscardRequests(asked)
		server := sftp.NewRequestServer(channel, sftp.Handlers{FileGet: f, FilePut: f, FileCmd: f, FileList: f})
		_ = server.Serve() // ends when the caller hangs up
		return
	}
}
