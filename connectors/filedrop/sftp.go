package filedrop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"racord/connectors"
	"racord/hub"
)

// server is a folder on an SFTP server. Every step on the wire has the
// creditor's timeout, and waits for the creditor's rate share first.
type server struct {
	*session
	folder string
}

// session is a log-in.
type session struct {
	env     connectors.Env
	conn    net.Conn
	files   *sftp.Client
	shell   *ssh.Client
	timeout time.Duration
	late    atomic.Bool // a step took too long, and the connection was cut
	stop    func() bool // ends the watch over the context
}

var _ place = (*server)(nil)

// dial logs in. It fails with CodeAuth when the server is not the pinned one or
// refuses us, CodeTimeout or CodeUnavailable.
func dial(ctx context.Context, env connectors.Env, s SFTP, folder string, timeout time.Duration) (*server, error) {
	config, pin, err := s.client(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := env.Turn(ctx); err != nil {
		return nil, err
	}
	conn, err := env.Dial(ctx, "tcp", s.Address)
	if err != nil {
		return nil, classify(ctx, err, false)
	}
	v := &server{&session{env: env, conn: conn, timeout: timeout}, folder}
	v.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	err = v.step(ctx, func() error { return v.login(s.Address, config) })
	if err != nil {
		return nil, errors.Join(pin.explain(err), v.Close())
	}
	return v, nil
}

// beside is another folder, under the same log-in.
func (v *server) beside(folder string) (place, error) { return &server{v.session, folder}, nil }

func (v *session) login(address string, config *ssh.ClientConfig) error {
	secure, channels, requests, err := ssh.NewClientConn(v.conn, address, config)
	if err != nil {
		return err
	}
	v.shell = ssh.NewClient(secure, channels, requests)
	v.files, err = sftp.NewClient(v.shell)
	return err
}

// pinned is the one host key that is accepted.
type pinned struct {
	key     ssh.PublicKey
	foreign bool // another key was shown
}

func (p *pinned) check(_ string, _ net.Addr, shown ssh.PublicKey) error {
	if !bytes.Equal(shown.Marshal(), p.key.Marshal()) {
		p.foreign = true
		return errors.New("another host key")
	}
	return nil
}

func (p *pinned) explain(err error) error {
	var refused *ssh.ServerAuthError
	switch {
	case p.foreign:
		return hub.Wrap(hub.CodeAuth, err, "The creditor's file server does not show the host key that the manifest pins.")
	case errors.As(err, &refused) || isAuthFailure(err):
		return hub.Errorf(hub.CodeAuth, "The creditor's file server refuses our user.")
	default:
		return err
	}
}

// isAuthFailure knows the client's own words: the library has no type for them.
func isAuthFailure(err error) bool {
	return bytes.Contains([]byte(err.Error()), []byte("unable to authenticate"))
}

// client makes the SSH configuration from the creditor's secrets.
func (s SFTP) client(ctx context.Context, env connectors.Env) (*ssh.ClientConfig, *pinned, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		return nil, nil, hub.Errorf(hub.CodeInvalid, "The pinned host key is not a line of authorized_keys.")
	}
	user, err := env.Secret(ctx, string(s.User))
	if err != nil {
		return nil, nil, err
	}
	method, err := s.method(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	pin := &pinned{key: key}
	return &ssh.ClientConfig{
		User: user.Reveal(), Auth: []ssh.AuthMethod{method},
		HostKeyCallback: pin.check, HostKeyAlgorithms: algorithms(key.Type()),
	}, pin, nil
}

// algorithms are the ways to sign with a key of the type: RSA without SHA-1.
func algorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

func (s SFTP) method(ctx context.Context, env connectors.Env) (ssh.AuthMethod, error) {
	if s.Key == "" {
		password, err := env.Secret(ctx, string(s.Password))
		return ssh.Password(password.Reveal()), err
	}
	secret, err := env.Secret(ctx, string(s.Key))
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey([]byte(secret.Reveal()))
	if err != nil {
		return nil, hub.Errorf(hub.CodeAuth, "The private key for the creditor's file server cannot be read.")
	}
	return ssh.PublicKeys(signer), nil
}

// step does one thing on the wire and cuts the connection when it takes longer
// than the creditor's timeout.
func (v *session) step(ctx context.Context, do func() error) error {
	watch := time.AfterFunc(v.timeout, func() {
		v.late.Store(true)
		_ = v.conn.Close()
	})
	defer watch.Stop()
	err := do()
	if err == nil {
		return nil
	}
	return classify(ctx, err, v.late.Load())
}

func classify(ctx context.Context, err error, late bool) error {
	switch {
	case ctx.Err() != nil:
		return hub.Wrap(hub.CodeOf(ctx.Err()), err, "The look at the creditor's file server was ended.")
	case late:
		return hub.Wrap(hub.CodeTimeout, err, "The creditor's file server does not answer in time.")
	case hub.CodeOf(err) != hub.CodeInternal:
		return err
	default:
		return hub.Wrap(hub.CodeUnavailable, err, "The creditor's file server cannot be reached.")
	}
}

func (v *server) list(ctx context.Context) (all []entry, err error) {
	if err := v.env.Turn(ctx); err != nil {
		return nil, err
	}
	err = v.step(ctx, func() error {
		entries, err := v.files.ReadDirContext(ctx, v.folder)
		for _, e := range entries {
			all = append(all, entry{e.Name(), e.ModTime()})
		}
		return err
	})
	return all, err
}

func (v *server) open(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	if err := v.env.Turn(ctx); err != nil {
		return nil, 0, err
	}
	remote := &remote{server: v, ctx: ctx}
	size := int64(0)
	err := v.step(ctx, func() (err error) {
		if remote.file, err = v.files.Open(path.Join(v.folder, name)); err != nil {
			return err
		}
		info, err := remote.file.Stat()
		if err == nil {
			size = info.Size()
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return remote, size, nil
}

// put uploads the file and renames it. Only a rename whose answer does not come
// leaves it open whether it has its name.
func (v *server) put(ctx context.Context, name string, content []byte) error {
	if err := v.env.Turn(ctx); err != nil {
		return hub.Undone(err)
	}
	target := path.Join(v.folder, name)
	if err := v.step(ctx, func() error { return v.write(target+unfinished, content) }); err != nil {
		return hub.Undone(err)
	}
	err := v.step(ctx, func() error { return v.rename(target+unfinished, target) })
	var refused *sftp.StatusError
	if err != nil && (errors.As(err, &refused) || errors.Is(err, os.ErrPermission) || errors.Is(err, os.ErrNotExist)) {
		return hub.Undone(err)
	}
	return err
}

func (v *session) write(name string, content []byte) error {
	file, err := v.files.Create(name)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// rename moves over what is there, as servers do that know OpenSSH's extension.
func (v *session) rename(from, to string) error {
	if _, known := v.files.HasExtension("posix-rename@openssh.com"); known {
		return v.files.PosixRename(from, to)
	}
	return v.files.Rename(from, to)
}

// Close hangs up, for all folders.
func (v *session) Close() error {
	v.stop()
	if v.files != nil {
		_ = v.files.Close() // closing the connection ends it anyway
	}
	if v.shell != nil {
		_ = v.shell.Close()
	}
	_ = v.conn.Close()
	return nil
}

// remote is an open file.
type remote struct {
	server *server
	ctx    context.Context
	file   *sftp.File
}

// Read asks for as much as fits into the buffer in several requests at once.
func (r *remote) Read(into []byte) (n int, err error) {
	ended := false
	err = r.server.step(r.ctx, func() (err error) {
		n, err = r.file.Read(into)
		if ended = err == io.EOF; ended {
			return nil
		}
		return err
	})
	if ended && err == nil {
		err = io.EOF
	}
	return n, err
}

// Close forgets the file; its connection stays.
func (r *remote) Close() error {
	return r.server.step(r.ctx, r.file.Close)
}
