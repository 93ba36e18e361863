package httpapi

import (
	"bytes"
	"io"
	"os"
)

// inMemory in bytes is how much of a report is kept in memory.
const inMemory = 256 << 10

// spool keeps the lines of a report until the request was read whole: who sends
// need not read meanwhile, and the status says how it ended. What is too long for
// memory goes to a file that nobody can see.
type spool struct {
	memory bytes.Buffer
	file   *os.File
	length int // of all lines
}

// longestReport in bytes is enough to see what is wrong with a delivery. Many short
// rows make a report that is far longer than they are, on a disk where the hub
// writes, too.
const longestReport = 16 << 20

// full tells whether a line is one too many.
func (s *spool) full(line []byte) bool { return s.length+len(line) >= longestReport }

func (s *spool) line(text []byte) error {
	s.length += len(text) + 1
	s.memory.Write(text)
	s.memory.WriteByte('\n')
	if s.memory.Len() < inMemory {
		return nil
	}
	return s.spill()
}

// spill moves what is in memory to the file.
func (s *spool) spill() (err error) {
	if s.file == nil {
		if s.file, err = os.CreateTemp("", "racord-report-*"); err != nil {
			return err
		}
		_ = os.Remove(s.file.Name()) // it lives as long as it is open
	}
	_, err = s.memory.WriteTo(s.file)
	return err
}

// read gives all lines, from the first.
func (s *spool) read() (io.Reader, error) {
	if s.file == nil {
		return &s.memory, nil
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.MultiReader(s.file, &s.memory), nil
}

func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close() // and gone
	}
}
