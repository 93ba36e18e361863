package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"racord/hub"
)

// longestLine of a log is a line that is read.
const longestLine = 1 << 20

// keptCheckpoints reads the checkpoints of a file: a hub's log, as it is or as
// journald gives it, or one checkpoint a line. Other lines of a log say nothing here;
// how many are neither is told, for a hub says more than its log when it starts or
// fails to, and so does whatever keeps it running.
func keptCheckpoints(path string, log io.Writer) ([]hub.Checkpoint, error) {
	if path == "" {
		return nil, nil
	}
	kept := keptFile{path: path}
	if err := kept.read(); err != nil {
		return nil, fmt.Errorf("--checkpoints: %w", err)
	}
	if kept.passed > 0 {
		fmt.Fprintf(log, "--checkpoints: %s: lines passed over, as neither a hub's log nor checkpoints: %d\n", path, kept.passed)
	}
	return kept.found, nil
}

// keptFile is a file of checkpoints, as far as it was read.
type keptFile struct {
	path   string
	found  []hub.Checkpoint
	passed int   // lines that are neither a log's nor checkpoints
	first  error // what the first of these lacks
}

func (k *keptFile) read() error {
	file, err := os.Open(k.path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	for no := 1; lines.Scan(); no++ {
		if err := k.line(no, strings.TrimSpace(lines.Text())); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", k.path, err)
	}
	if len(k.found) == 0 {
		return errors.Join(fmt.Errorf("%s holds none: the hub's log has them, one a minute while payments come", k.path), k.first)
	}
	return nil
}

// line reads a line. What claims to be a checkpoint has to be one.
func (k *keptFile) line(no int, line string) error {
	text, logged := checkpointIn(line)
	if logged && text == "" || line == "" {
		return nil
	}
	c, err := hub.ParseCheckpoint(text)
	switch {
	case err == nil:
		k.found = append(k.found, c)
	case logged || numbered.MatchString(text):
		return fmt.Errorf("%s:%d: %w", k.path, no, err)
	default:
		k.passed++
		if k.first == nil {
			k.first = fmt.Errorf("%s:%d: %w", k.path, no, err)
		}
	}
	return nil
}

// numbered are lines that begin as checkpoints do.
var numbered = regexp.MustCompile(`^[0-9]+ `)

// checkpointIn gives what a line of a log says of a checkpoint, "" = nothing,
// whatever stands before it, such as the moment. A line that is of no log is given
// as it is.
func checkpointIn(line string) (text string, logged bool) {
	begin := strings.Index(line, "{")
	if begin < 0 {
		return line, false
	}
	var entry struct{ Checkpoint string }
	if json.Unmarshal([]byte(line[begin:]), &entry) != nil {
		return line, false
	}
	return entry.Checkpoint, true
}
