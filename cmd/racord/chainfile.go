package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"racord/hub"
)

// longestLine of a log is a line that is read.
const longestLine = 1 << 20

// keptCheckpoints reads the checkpoints of a file: a hub's log, or one checkpoint a
// line. Other lines of a log say nothing here.
func keptCheckpoints(path string) (kept []hub.Checkpoint, err error) {
	if path == "" {
		return nil, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--checkpoints: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, longestLine)
	for no := 1; lines.Scan(); no++ {
		text := checkpointIn(lines.Text())
		if text == "" {
			continue
		}
		c, err := hub.ParseCheckpoint(text)
		if err != nil {
			return nil, fmt.Errorf("--checkpoints: %s:%d: %w", path, no, err)
		}
		kept = append(kept, c)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("--checkpoints: %s: %w", path, err)
	}
	if len(kept) == 0 {
		return nil, fmt.Errorf("--checkpoints: %s holds none: the hub's log has them, one a minute while payments come", path)
	}
	return kept, nil
}

// checkpointIn gives what a line of a log says of a checkpoint, "" = nothing. What
// is no line of a log has to be one.
func checkpointIn(line string) string {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "{") {
		return line
	}
	var entry struct{ Checkpoint string }
	if json.Unmarshal([]byte(line), &entry) != nil {
		return ""
	}
	return entry.Checkpoint
}
