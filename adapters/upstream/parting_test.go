package upstream_test

import (
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"racord/adapters/upstream"
)

func TestCloseWaitsUntilTheOtherSideHasClosed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var ended atomic.Bool
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, conn)
		time.Sleep(30 * time.Millisecond) // what the creditor does before it forgets us
		ended.Store(true)
		_ = conn.Close()
	}()
	conn, err := open(t, upstream.Conf{}).Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil || !ended.Load() {
		t.Errorf("got %v and ended %v, want the other side's end awaited", err, ended.Load())
	}
}

func TestCloseDoesNotWaitForEver(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // nobody accepts
	conn, err := open(t, upstream.Conf{}).Dial(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Errorf("got %v, want the connection closed", err)
	}
	if _, err := conn.Write([]byte("x")); err == nil {
		t.Error("got a write, want the connection closed")
	}
}
