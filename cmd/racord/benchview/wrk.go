package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

//go:embed wrk.lua
var script []byte

// load is how a server is asked.
type load struct {
	connections int
	threads     int // of wrk
	length      time.Duration
}

// sample is what one run of wrk saw. Latencies are in microseconds.
type sample struct {
	Requests     int64   `json:"requests"`
	Microseconds int64   `json:"microseconds"`
	Bytes        int64   `json:"bytes"`
	SocketErrors int64   `json:"socket_errors"`
	BadAnswers   int64   `json:"bad_answers"` // with a status of 400 or above
	P50          int64   `json:"p50"`
	P99          int64   `json:"p99"`
	Max          int64   `json:"max"`
	CPU          float64 `json:"cpu_per_request"` // microseconds of the server alone
}

// rate gives the requests a second.
func (s sample) rate() float64 { return float64(s.Requests) / float64(s.Microseconds) * 1e6 }

// drive asks the URL with the lines of a token file for the length of the load.
func drive(ctx context.Context, dir, url, tokens string, l load) (sample, error) {
	lua := filepath.Join(dir, "wrk.lua")
	if err := os.WriteFile(lua, script, 0o600); err != nil {
		return sample{}, err
	}
	threads := strconv.Itoa(l.threads)
	wrk := exec.CommandContext(ctx, "wrk", "-t", threads, "-c", strconv.Itoa(l.connections),
		"-d", strconv.Itoa(int(l.length.Seconds()))+"s", "--timeout", "10s", "-s", lua, url, "--", tokens, threads)
	out, err := wrk.CombinedOutput()
	if err != nil {
		return sample{}, fmt.Errorf("wrk: %w: %s", err, bytes.TrimSpace(out))
	}
	return readResult(out)
}

// readResult finds the line the script writes at the end.
func readResult(out []byte) (s sample, err error) {
	_, line, found := bytes.Cut(out, []byte("RESULT "))
	if !found {
		return s, fmt.Errorf("wrk gave no result: %s", bytes.TrimSpace(out))
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if err := json.Unmarshal(line, &s); err != nil {
		return s, fmt.Errorf("wrk's result: %w", err)
	}
	if s.Requests == 0 || s.Microseconds == 0 {
		return s, fmt.Errorf("wrk made no request: %s", line)
	}
	return s, nil
}
