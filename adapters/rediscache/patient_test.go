package rediscache

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// pair gives both ends of a connection, ours with last looks.
func pair(t *testing.T) (ours *lastLook, theirs net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Close(), theirs.Close() })
	return &lastLook{Conn: c}, theirs
}

func TestAnAnswerThatHasArrivedIsNotLate(t *testing.T) {
	ours, theirs := pair(t)
	if _, err := theirs.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)                      // it arrives
	_ = ours.SetReadDeadline(time.Now().Add(-time.Second)) // and nobody had the time to read it
	got := make([]byte, 16)
	if n, err := ours.Read(got); err != nil || string(got[:n]) != "answer" {
		t.Errorf("got %q %v, want the answer", got[:n], err)
	}
}

func TestAnAnswerThatDoesNotComeIsLate(t *testing.T) {
	ours, theirs := pair(t)
	_ = ours.SetReadDeadline(time.Now().Add(-time.Second))
	for range mostLook + 2 {
		if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("got %v, want that it is late", err)
		}
	}
	if _, err := theirs.Write([]byte("drop")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if n, err := ours.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("got a byte after all looks were used, want none: drops would keep us for ever")
	}
}
