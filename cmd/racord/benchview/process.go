package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// process is a server that is measured, or helps to.
type process struct {
	name  string
	cmd   *exec.Cmd
	log   string // the file with what it wrote to stderr
	ended chan struct{}
}

// start runs a program until stop. What it says goes to a file in dir.
func start(dir, name, program string, args ...string) (*process, error) {
	return startAs(nil, dir, name, program, args...)
}

// startAs is start with other rights.
func startAs(as *syscall.SysProcAttr, dir, name, program string, args ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(program, args...), log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.SysProcAttr = log, log, as
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.ended)
	}()
	return p, nil
}

// startRole runs this program in another role. The role ends when its standard
// input does, so it never outlives its parent. It gives the addresses the role
// announced.
func startRole(dir, role string, args ...string) (*process, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	p := &process{name: role, cmd: exec.Command(self, append([]string{role}, args...)...), ended: make(chan struct{})}
	p.cmd.Stderr = os.Stderr
	if _, err := p.cmd.StdinPipe(); err != nil {
		return nil, nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	if err != nil {
		p.stop()
		return nil, nil, fmt.Errorf("%s does not say where it listens: %w", role, err)
	}
	return p, strings.Fields(line), nil
}

// stop ends the process, gently first.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// ready waits until the URL answers 200. A process that ends before is an error
// with the last lines of its log.
func (p *process) ready(ctx context.Context, url string) error {
	return p.until(ctx, func() bool {
		answer, err := http.Get(url)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// listening waits until the address takes connections.
func (p *process) listening(ctx context.Context, address string) error {
	return p.until(ctx, func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
}

func (p *process) until(ctx context.Context, good func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		if good() {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at its start: %s", p.name, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s does not get ready: %w: %s", p.name, ctx.Err(), p.lastWords())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *process) lastWords() string {
	text, _ := os.ReadFile(p.log) // without a log there are no words
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// freePorts finds loopback addresses nobody listens on now.
func freePorts(count int) (list []string, err error) {
	var doors []io.Closer
	defer func() {
		for _, door := range doors {
			_ = door.Close()
		}
	}()
	for range count {
		door, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		doors = append(doors, door)
		list = append(list, door.Addr().String())
	}
	return list, nil
}

// missing tells which of the programs are not installed. Debian keeps some
// outside a user's PATH.
func missing(programs ...string) (list []string) {
	for _, name := range programs {
		if _, err := lookUp(name); err != nil {
			list = append(list, name)
		}
	}
	return slices.Compact(list)
}

func lookUp(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + name)
}
