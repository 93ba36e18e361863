package filedrop

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// longestLine is the most bytes a line may have.
const longestLine = 32 << 10

// sampleSize is how much of a file is looked at to find its charset.
const sampleSize = 64 << 10

// lines reads a file line by line. A line is the unit of damage: a quote that
// is not closed spoils its own line only.
type lines struct {
	in     *bufio.Reader
	number int  // of the line read last, from 1
	ended  bool // the last line had a line end
}

func newLines(r io.Reader) *lines {
	return &lines{in: bufio.NewReaderSize(r, 4*sampleSize)}
}

// sample gives the beginning of the file without reading it.
func (l *lines) sample() []byte {
	sample, _ := l.in.Peek(sampleSize) // shorter files and read errors show when they are read
	return sample
}

// skipMark drops a byte order mark at the beginning.
func (l *lines) skipMark() {
	if start, _ := l.in.Peek(3); bytes.Equal(start, []byte("\xef\xbb\xbf")) {
		_, _ = l.in.Discard(3)
	}
}

var errLongLine = errors.New("a line is longer than 32 KiB")

// next gives the next line without its end. The bytes are good until the next
// call. It returns io.EOF after the last line.
func (l *lines) next() ([]byte, error) {
	line, err := l.in.ReadSlice('\n')
	if len(line) > longestLine || errors.Is(err, bufio.ErrBufferFull) {
		l.number++
		return nil, errLongLine
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(line) == 0) {
		return nil, err
	}
	l.number++
	l.ended = err == nil
	return bytes.TrimRight(line, "\r\n"), nil
}

var errQuote = errors.New("a quoted cell is not closed")

// split cuts a line into cells at the delimiter, reusing dst. A cell in double
// quotes may hold delimiters, and quotes written twice.
func split(dst []string, line string, delimiter byte) ([]string, error) {
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
		return "", "", false, errQuote
	}
	cell, rest = strings.ReplaceAll(line[1:end], `""`, `"`), line[end+1:]
	if rest == "" {
		return cell, "", false, nil
	}
	if rest[0] != delimiter {
		return "", "", false, errQuote
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
