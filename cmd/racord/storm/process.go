package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// process is a server on the stage.
type process struct {
	name    string
	cmd     *exec.Cmd
	log     string        // the file with what it wrote to stderr
	said    chan struct{} // closed when it announced itself on stdout
	ended   chan struct{}
	started time.Time
	took    time.Duration // until it announced itself
}

// nursery starts children from one thread that never ends, so that the kernel
// kills them when this program dies, however it dies.
type nursery struct{ births chan birth }

type birth struct {
	cmd  *exec.Cmd
	done chan error
}

func newNursery() *nursery {
	n := &nursery{births: make(chan birth)}
	go func() {
		runtime.LockOSThread()
		for b := range n.births {
			b.done <- b.cmd.Start()
		}
	}()
	return n
}

func (n *nursery) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	diesWithParent(cmd.SysProcAttr)
	b := birth{cmd, make(chan error, 1)}
	n.births <- b
	return <-b.done
}

// spawn runs a program. What it says on stderr is added to a file in dir; on
// stdout it is awaited to say announce at the beginning of a line.
func (s *storm) spawn(name, announce string, as *syscall.SysProcAttr, program string, args ...string) (*process, error) {
	p := &process{
		name: name, cmd: exec.Command(program, args...), log: filepath.Join(s.dir, name+".log"),
		said: make(chan struct{}), ended: make(chan struct{}), started: time.Now(),
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stderr, p.cmd.SysProcAttr = log, as
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.nursery.start(p.cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go p.listen(out, announce)
	return p, nil
}

// listen hears the announcement, and the end.
func (p *process) listen(out io.Reader, announce string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), announce) {
			p.took = time.Since(p.started)
			close(p.said)
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	_ = p.cmd.Wait() // how it ended is in its log
	close(p.ended)
}

// kill ends the process without a warning, and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// await waits for the announcement.
func (p *process) await(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-p.said:
		return nil
	case <-p.ended:
		return fmt.Errorf("%s ended at its start: %s", p.name, p.lastWords())
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return fmt.Errorf("%s does not get ready: %s", p.name, p.lastWords())
	}
}

func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.log) // without a log there are no words
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// reachable waits until an address takes connections.
func reachable(ctx context.Context, address string, most time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s takes no connections: %w", address, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freePorts finds loopback addresses nobody listens on now.
func freePorts(count int) (list []string, err error) {
	for range count {
		door, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer door.Close()
		list = append(list, door.Addr().String())
	}
	return list, nil
}

// build compiles a program of this module into the stage's directory.
func (s *storm) build(ctx context.Context, name string) (string, error) {
	program := filepath.Join(s.dir, name+"-built")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "racord/cmd/"+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return program, nil
}
