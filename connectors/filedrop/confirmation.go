package filedrop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"racord/connectors"
	"racord/hub"
)

// confirmations look postings up in what the creditor wrote about their files.
type confirmations struct {
	*feed
	read   *connectors.Call
	answer Confirmation
	upload Upload

	mu   sync.Mutex
	kept map[string][][]string // rows of files that never change again
	size int                   // bytes of them
}

var _ hub.Finder = (*confirmations)(nil)

func newConfirmations(f *feed, find, post *connectors.Call) *confirmations {
	return &confirmations{
		feed: f, read: find, answer: connectors.RequestOf[Confirmation](find), upload: connectors.RequestOf[Upload](post),
		kept: map[string][][]string{},
	}
}

// What a look-up bears.
const (
	maxSheets = 1000
	maxSheet  = 8 << 20  // bytes
	maxKept   = 32 << 20 // bytes
)

// Find says FoundBooked or FoundRefused when a confirmation says so,
// FoundNotVisible while the posting stands in a file that is not confirmed, and
// FoundAbsent when it stands in none, or in one of which nothing was booked. It
// fails with CodeBadData when a file is damaged, and as the feed does.
func (c *confirmations) Find(ctx context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	found, receipt, failed, err := c.confirmed(ctx, &p)
	if err != nil || found != hub.FoundAbsent {
		return found, receipt, err
	}
	waits, err := c.waits(ctx, &p, failed)
	switch {
	case err != nil:
		return "", hub.Receipt{}, err
	case waits:
		return hub.FoundNotVisible, hub.Receipt{}, nil
	}
	return hub.FoundAbsent, hub.Receipt{}, nil
}

// confirmed looks through the confirmations. failed are the files of which
// nothing was booked.
func (c *confirmations) confirmed(ctx context.Context, p *hub.Posting) (found hub.Found, receipt hub.Receipt, failed map[string]bool, err error) {
	failed = map[string]bool{}
	reading := c.manifest.Reading(c.read, hub.Asked{}, c.env.Clock.Now())
	found = hub.FoundAbsent
	err = c.each(ctx, c.answer.Directory, p, c.nameOfAnswered, func(name string, rows [][]string) (bool, error) {
		if rows == nil {
			failed[name] = true
			return false, nil
		}
		row := connectors.NewRow(c.answer.Columns)
		for _, cells := range rows {
			row.Set(cells)
			found, receipt, err = reading.Search(p, row)
			if err != nil || found != hub.FoundAbsent {
				return true, err
			}
		}
		return false, nil
	})
	if err != nil {
		return "", hub.Receipt{}, nil, err
	}
	return found, receipt, failed, nil
}

// waits tells whether the posting stands in a file that has its marker.
func (c *confirmations) waits(ctx context.Context, p *hub.Posting, failed map[string]bool) (waits bool, err error) {
	err = c.each(ctx, c.upload.Directory, p, c.nameOfSent, func(name string, rows [][]string) (bool, error) {
		if failed[name] {
			return false, nil
		}
		waits = slices.ContainsFunc(rows, func(cells []string) bool { return slices.Contains(cells, string(p.ID)) })
		return waits, nil
	})
	return waits, err
}

// nameOfAnswered is the name of the file of postings that a file confirms.
func (c *confirmations) nameOfAnswered(name string) (sent string, ok bool) {
	before, after, _ := strings.Cut(c.answer.File, wordFile)
	sent, ok = strings.CutPrefix(name, before)
	if !ok {
		return "", false
	}
	if sent, ok = strings.CutSuffix(sent, after); !ok {
		return "", false
	}
	return c.nameOfSent(sent)
}

// nameOfSent tells files of postings from others.
func (c *confirmations) nameOfSent(name string) (string, bool) {
	before, _, _ := strings.Cut(c.upload.File, "{")
	_, after, _ := strings.Cut(c.upload.File[strings.LastIndex(c.upload.File, "{"):], "}")
	return name, len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// each reads every file of a folder that has a marker, the posting's own first,
// then the newest, until use has seen enough. rows is nil for a confirmation that
// says that nothing was booked.
func (c *confirmations) each(ctx context.Context, directory string, p *hub.Posting, about func(string) (string, bool), use func(sent string, rows [][]string) (enough bool, err error)) error {
	at, err := c.at(ctx, directory)
	if err != nil {
		return err
	}
	defer func() { _ = at.Close() }() // it was only read
	names, err := at.list(ctx)
	if err != nil {
		return err
	}
	own := nameOf(p.ID)
	slices.SortFunc(names, func(a, b string) int {
		if first := strings.Contains(a, own); first != strings.Contains(b, own) {
			return map[bool]int{true: -1, false: 1}[first]
		}
		return strings.Compare(b, a)
	})
	count := 0
	for _, name := range names {
		sent, ours := about(name)
		if !ours || !slices.Contains(names, name+c.settings.Marker) {
			continue
		}
		if count++; count > maxSheets {
			return connectors.BadData("more than %d files of payments", maxSheets)
		}
		rows, err := c.rows(ctx, at, directory, name)
		if err != nil {
			return err
		}
		if enough, err := use(sent, rows); enough || err != nil {
			return err
		}
	}
	return nil
}

// rows reads a file, or remembers it.
func (c *confirmations) rows(ctx context.Context, at place, directory, name string) ([][]string, error) {
	key := directory + "/" + name
	c.mu.Lock()
	rows, known := c.kept[key]
	c.mu.Unlock()
	if known {
		return rows, nil
	}
	content, err := c.whole(ctx, at, name)
	if err != nil {
		return nil, err
	}
	if directory == c.answer.Directory {
		rows, err = c.confirmation(name, content)
	} else {
		rows = c.lines(content)
	}
	if err == nil && rows != nil {
		c.keep(key, rows, len(content))
	}
	return rows, err
}

// keep remembers a file: one that was booked or sent does not change. What says
// that nothing was booked may be followed by another.
func (c *confirmations) keep(key string, rows [][]string, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+size > maxKept {
		c.kept, c.size = map[string][][]string{}, 0
	}
	c.kept[key] = rows
	c.size += size
}

// whole reads a file and compares it with its marker.
func (c *confirmations) whole(ctx context.Context, at place, name string) ([]byte, error) {
	want, err := c.marker(ctx, at, name+c.settings.Marker)
	if err != nil {
		return nil, err
	}
	file, _, err := at.open(ctx, name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxSheet+1))
	_ = file.Close() // it was only read
	switch hash := sha256.Sum256(content); {
	case err != nil:
		return nil, err
	case len(content) > maxSheet:
		return nil, connectors.BadData("a file of payments with more than %d MiB", maxSheet>>20)
	case hex.EncodeToString(hash[:]) != want:
		return nil, connectors.BadData("a file of payments that is not what its marker says")
	}
	return content, nil
}

// lines are the cells of all lines.
func (c *confirmations) lines(content []byte) [][]string {
	set := charsetOf(c.settings.Table.Charset)
	text := strings.TrimSuffix(string(set.appendText(nil, content)), "\n")
	rows := [][]string{}
	for _, line := range strings.Split(text, "\n") {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\r"), c.settings.Table.Delimiter))
	}
	return rows
}

// confirmation gives the rows of a confirmation, nil when nothing was booked. It
// fails with CodeBadData for another first line, lines of another width and a
// number of lines that is not theirs.
func (c *confirmations) confirmation(name string, content []byte) ([][]string, error) {
	rows := c.lines(content)
	if !slices.Equal(rows[0], c.answer.Columns) {
		return nil, connectors.BadData("a confirmation whose first line is another")
	}
	rows = rows[1:]
	if c.answer.Failed != "" && slices.ContainsFunc(rows, func(cells []string) bool { return cells[0] == c.answer.Failed }) {
		c.env.Log.Warn("the creditor could not read a file of payments", "file", name)
		return nil, nil
	}
	if c.answer.Control != "" {
		last := len(rows) - 1
		if last < 0 || rows[last][0] != c.answer.Control || len(rows[last]) < 2 || rows[last][1] != strconv.Itoa(last) {
			return nil, connectors.BadData("a confirmation that is cut off, or whose number of lines is wrong")
		}
		rows = rows[:last]
	}
	for _, cells := range rows {
		if len(cells) != len(c.answer.Columns) {
			return nil, connectors.BadData("a confirmation with a line of another width")
		}
	}
	if rows == nil {
		rows = [][]string{}
	}
	return rows, nil
}
