// Package testserver starts the real servers that tests need, on loopback, and
// stops them: Redis, PostgreSQL and Prometheus, as Debian packages them. A
// server that is not installed fails the test with what to install; nothing is
// skipped. A server never outlives the test process.
package testserver

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to start or stop.
const patience = 30 * time.Second

// Main runs the tests and then stops the servers they share. Without it a shared
// server stops with the last test that uses it, and starts again for the next:
//
//	func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }
func Main(m *testing.M) int {
	shared.keep()
	defer shared.release()
	return m.Run()
}

// process is a running server.
type process struct {
	name   string
	cmd    *exec.Cmd
	output *tail
	done   chan struct{} // closed when the process has ended
}

// start runs a program that dies with the test process, as another user when
// that is not nil.
func start(name string, as *syscall.Credential, program string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program, args...), output: &tail{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	p.cmd.Dir = os.TempDir()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // Pdeathsig is sent when the starting thread ends
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended does not matter: it was told to
			close(p.done)
		}
	}()
	return p, <-started
}

// stop signals the process and waits for its end; one that does not listen is
// killed.
func (p *process) stop(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// await asks until ready gives no error, or gives up with what the server said.
func (p *process) await(ready func() error) error {
	last := error(nil)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if last = ready(); last == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.name, p.output)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready: %w: %s", p.name, last, p.output)
}

// tail keeps the end of what a server prints.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if len(t.text) > most {
		t.text = append([]byte(nil), t.text[len(t.text)-most:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// program finds a server's program, by name or path, or fails the test with the
// Debian package to install.
func program(t testing.TB, names []string, pkg string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s was not found: install %s (make deps)", names[len(names)-1], pkg)
	return ""
}

// freePort gives a loopback port that was free a moment ago.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// credential gives another user's ids when the tests run as root, which some
// servers refuse to; otherwise nil.
func credential(name string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
