// Package lines reads text files line by line and cuts lines into cells. A line
// is the unit of damage: what is wrong with one never loses the next.
package lines

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Longest is the most bytes a line may have.
const Longest = 32 << 10

// SampleSize is how much of a file is looked at to find its charset.
const SampleSize = 64 << 10

// Reader reads lines.
type Reader struct {
	Number int // of the line read last, from 1

	in *bufio.Reader
}

// New makes a reader. It reads nothing yet.
func New(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 4*SampleSize)}
}

// Sample gives the beginning of the file without reading it.
func (l *Reader) Sample() []byte {
	sample, _ := l.in.Peek(SampleSize) // shorter files and read errors show when they are read
	return sample
}

// SkipMark drops a byte order mark at the beginning.
func (l *Reader) SkipMark() {
	if start, _ := l.in.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) {
		_, _ = l.in.Discard(3)
	}
}

// ErrLong is returned for a line that is too long.
var ErrLong = errors.New("a line is longer than 32 KiB")

// Next gives the next line without its end. The bytes are good until the next
// call. It returns io.EOF after the last line, and ErrLong for a line that was
// skipped because it is too long.
func (l *Reader) Next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if len(line) > Longest || errors.Is(err, bufio.ErrBufferFull) {
		l.Number++
		return nil, l.skip(err)
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, err
	}
	l.Number++
	return bytes.TrimRight(line, "\r\n"), nil
}

// skip reads on to the end of a line that is too long.
func (l *Reader) skip(err error) error {
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = l.in.ReadSlice('\n')
	}
	if err == nil || errors.Is(err, io.EOF) {
		return ErrLong
	}
	return err
}

// ErrQuote is returned for a line whose quotes do not fit.
var ErrQuote = errors.New("a quoted cell is not closed")

// Split cuts a line into cells at the delimiter, reusing dst. A cell in double
// quotes may hold delimiters, and quotes written twice.
func Split(dst []string, line string, delimiter byte) ([]string, error) {
	if strings.IndexByte(line, '"') < 0 {
		return splitPlain(dst, line, delimiter), nil
	}
	for {
		cell, rest, more, err := cellOf(line, delimiter)
		if err != nil {
			return dst, err
		}
		dst = append(dst, cell)
		if !more {
			return dst, nil
		}
		line = rest
	}
}

func splitPlain(dst []string, line string, delimiter byte) []string {
	for {
		i := strings.IndexByte(line, delimiter)
		if i < 0 {
			return append(dst, line)
		}
		dst = append(dst, line[:i])
		line = line[i+1:]
	}
}

// cellOf takes the first cell of a line; more tells whether another follows.
func cellOf(line string, delimiter byte) (cell, rest string, more bool, err error) {
	if line == "" || line[0] != '"' {
		cell, rest, more = strings.Cut(line, string(rune(delimiter)))
		return cell, rest, more, nil
	}
	end := closing(line)
	if end < 0 {
		return "", "", false, ErrQuote
	}
	cell, rest = strings.ReplaceAll(line[1:end], `""`, `"`), line[end+1:]
	if rest == "" {
		return cell, "", false, nil
	}
	if rest[0] != delimiter {
		return "", "", false, ErrQuote
	}
	return cell, rest[1:], true, nil
}

// closing finds the quote that ends a cell which begins with one.
func closing(line string) int {
	for i := 1; i < len(line); i++ {
		if line[i] != '"' {
			continue
		}
		if i+1 == len(line) || line[i+1] != '"' {
			return i
		}
		i++
	}
	return -1
}
