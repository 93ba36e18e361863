package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestCitySaysWhereItIsAndStops(t *testing.T) {
	out, in := io.Pipe()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--size", "XS", "--latency", "none", "--data", t.TempDir()}, in, io.Discard)
		_ = in.Close()
	}()
	said := make([]byte, 4096)
	n, err := out.Read(said)
	if err != nil {
		t.Fatalf("nothing said: %v", <-ended)
	}
	text := string(said[:n])
	control := regexp.MustCompile(`http://\S+/__ctl/state`).FindString(text)
	if !strings.HasPrefix(text, "ready\n") || control == "" || !strings.Contains(text, "sftp://") {
		t.Fatalf("got %q, want ready and addresses", text)
	}
	answer, err := http.Get(control)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("stopped: got %v, want nil", err)
	}
	if _, err := http.Get(control); err == nil {
		t.Error("after the stop: got an answer, want none")
	}
}

func TestHelpNamesTheFlags(t *testing.T) {
	var said bytes.Buffer
	err := run(context.Background(), []string{"--help"}, io.Discard, &said)
	if !errors.Is(err, flag.ErrHelp) {
		t.Fatalf("got %v, want help", err)
	}
	for _, name := range []string{"-listen", "-sftp-listen", "-data", "-size", "-seed", "-latency", "-waste-postgres", "-psp-extras"} {
		if !strings.Contains(said.String(), name) {
			t.Errorf("help: got no %s", name)
		}
	}
}

func TestMistakesAreToldBeforeAnythingStarts(t *testing.T) {
	for name, args := range map[string][]string{
		"a size that does not exist":    {"--size", "XXL"},
		"a latency that does not exist": {"--size", "XS", "--latency", "warp"},
		"a word too many":               {"please"},
		"a flag that does not exist":    {"--fast"},
	} {
		if err := run(context.Background(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
}
