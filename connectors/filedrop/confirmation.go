package filedrop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"racord/connectors"
	"racord/connectors/lines"
	"racord/hub"
)

// confirmations look postings up in what the creditor wrote about their files.
type confirmations struct {
	*feed
	read   *connectors.Call
	answer Confirmation
	upload Upload
	dated  *regexp.Regexp // finds the day in the name of a file; nil = there is none

	mu   sync.Mutex
	kept map[string]*paper // files that never change again
	size int               // bytes that they take
}

var (
	_ hub.Finder    = (*confirmations)(nil)
	_ hub.LotFinder = (*confirmations)(nil)
)

func newConfirmations(f *feed, find, post *connectors.Call) *confirmations {
	return &confirmations{
		feed: f, read: find, answer: connectors.RequestOf[Confirmation](find), upload: connectors.RequestOf[Upload](post),
		kept: map[string]*paper{}, dated: datesOf(connectors.RequestOf[Upload](post).File),
	}
}

// What a look-up bears.
const (
	maxSheets = 1000
	maxSheet  = 8 << 20  // bytes
	maxCells  = 1 << 18  // of a file; a cell takes more memory than its end in the file
	maxKept   = 32 << 20 // bytes
)

// Find is FindLot of one.
func (c *confirmations) Find(ctx context.Context, p hub.Posting) (hub.Found, hub.Receipt, error) {
	list, err := c.FindLot(ctx, []hub.Posting{p})
	if err != nil {
		return "", hub.Receipt{}, err
	}
	return list[0].Found, list[0].Receipt, list[0].Err
}

// FindLot reads what is there once for all postings. It says FoundBooked or
// FoundRefused when a confirmation says so, FoundNotVisible while the posting
// stands in a file that is not confirmed, and FoundAbsent when it stands in none,
// or in one of which nothing was booked since it was put there. It fails as
// the feed does; one posting fails alone with CodeBadData when what is said of it
// cannot be, or when it may stand in a file that is damaged.
func (c *confirmations) FindLot(ctx context.Context, postings []hub.Posting) ([]hub.Finding, error) {
	at, err := c.at(ctx, c.answer.Directory)
	if err != nil {
		return nil, err
	}
	defer func() { _ = at.Close() }() // it was only read
	s := newSought(postings, c.traits.Paying.Window())
	failed, err := c.confirmed(ctx, at, s)
	if err == nil && len(s.open) > 0 {
		err = c.waits(ctx, at, s, failed)
	}
	if err != nil {
		return nil, err
	}
	s.doubt()
	return s.found, nil
}

// sought is what is looked for, and what was found of it.
type sought struct {
	name     string          // part of the name of the file they stand in, if they are all of it
	files    map[string]bool // the files they stand in; nil = that of one is not known
	since    string          // the day of a file they stand in, at the earliest
	until    string          // and at the latest
	postings []hub.Posting
	found    []hub.Finding    // of each; FoundAbsent until something is
	open     map[string]int   // those of which nothing is, by name
	damaged  map[string]error // what kept a file, or what is said of it, from being read
}

// newSought looks for postings. A file bears the day of the first payment in it: none
// of the others was paid before, nor later than payments are tried.
func newSought(postings []hub.Posting, tried time.Duration) *sought {
	first, last := span(postings)
	s := &sought{
		name: lotName(postings, inOrder(postings)), files: filesOf(postings),
		since: dayWord(hub.DateOf(first.Add(-tried))), until: dayWord(hub.DateOf(last)),
		postings: postings, found: make([]hub.Finding, len(postings)), open: map[string]int{}, damaged: map[string]error{},
	}
	for i := range postings {
		s.found[i].Found = hub.FoundAbsent
		s.open[string(postings[i].ID)] = i
	}
	return s
}

// filesOf names the files that postings stand in, nil when that of one is not known.
func filesOf(postings []hub.Posting) map[string]bool {
	files := map[string]bool{}
	for i := range postings {
		if postings[i].File == "" {
			return nil
		}
		files[postings[i].File] = true
	}
	return files
}

// standIn notes which postings stand in a file of which nothing is said yet, or
// nothing that can be read: others do not.
func (s *sought) standIn(name string, sent *paper) {
	waiting := hub.Finding{Found: hub.FoundNotVisible}
	if err := s.damaged[name]; err != nil {
		waiting = hub.Finding{Err: err}
	}
	for _, cells := range sent.rows {
		for _, cell := range cells {
			if _, open := s.open[cell]; open {
				s.is(cell, waiting)
			}
		}
	}
	if sent.rows != nil {
		delete(s.damaged, name)
	}
}

// doubt takes back that postings are absent which may stand in a damaged file.
func (s *sought) doubt() {
	for _, err := range s.damaged {
		for _, i := range s.open {
			s.found[i] = hub.Finding{Err: err}
		}
	}
}

// is notes what was found.
func (s *sought) is(name string, f hub.Finding) {
	if f.Err == nil && f.Found == hub.FoundAbsent {
		return
	}
	s.found[s.open[name]] = f
	delete(s.open, name)
}

// confirmed looks through the confirmations. failed are the files of which
// nothing was booked, and when the creditor said so.
func (c *confirmations) confirmed(ctx context.Context, at place, s *sought) (failed map[string]time.Time, err error) {
	failed = map[string]time.Time{}
	reading := c.manifest.Reading(c.read, hub.Asked{}, c.env.Clock.Now())
	err = c.each(ctx, at, c.answer.Directory, s, c.nameOfAnswered, func(one candidate, told *paper) error {
		if told.rows == nil {
			failed[one.sent] = one.marked
			return nil
		}
		row := connectors.NewRow(c.answer.Columns)
		for id, i := range s.open {
			s.is(id, verdict(reading, row, told, id, &s.postings[i]))
		}
		return nil
	})
	return failed, err
}

// verdict is what the rows of a confirmation that speak of a posting say together.
// Rows that contradict each other are no word.
func verdict(reading *connectors.Reading, row *connectors.Row, told *paper, id string, p *hub.Posting) hub.Finding {
	all := hub.Finding{Found: hub.FoundAbsent}
	for _, line := range told.about[id] {
		row.Set(told.rows[line])
		found, receipt, err := reading.Search(p, row)
		switch {
		case err != nil:
			return hub.Finding{Err: err}
		case found == hub.FoundAbsent:
		case all.Found == hub.FoundAbsent:
			all = hub.Finding{Found: found, Receipt: receipt}
		case all.Found != found || all.Receipt.Number != receipt.Number:
			return hub.Finding{Err: connectors.BadData("a confirmation that names a posting twice, with different words")}
		}
	}
	return all
}

// waits finds the postings that stand in a file that has its marker. That nothing
// was booked of a file is no word about one that was put there again since.
func (c *confirmations) waits(ctx context.Context, at place, s *sought, failed map[string]time.Time) error {
	at, err := at.beside(c.upload.Directory)
	if err != nil {
		return err
	}
	defer func() { _ = at.Close() }() // likewise
	return c.each(ctx, at, c.upload.Directory, s, c.nameOfSent, func(one candidate, sent *paper) error {
		if said, nothing := failed[one.sent]; nothing && !said.Before(one.marked) {
			c.env.Log.Warn("the creditor could not read a file of payments", "file", one.sent)
			return nil
		}
		s.standIn(one.sent, sent)
		return nil
	})
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

// each reads every file of a folder in which a posting may stand, while something
// is sought.
func (c *confirmations) each(ctx context.Context, at place, directory string, s *sought, about func(string) (string, bool), use func(one candidate, told *paper) error) error {
	there, err := at.list(ctx)
	if err != nil {
		return err
	}
	for i, one := range c.candidates(there, s, about) {
		if i == maxSheets {
			return connectors.BadData("more than %d files of payments", maxSheets)
		}
		told, err := c.paper(ctx, at, directory, one.name)
		if hub.CodeOf(err) == hub.CodeBadData {
			s.damaged[one.sent] = err
			continue
		}
		if err != nil {
			return err
		}
		if err := use(one, told); err != nil || len(s.open) == 0 {
			return err
		}
	}
	return nil
}

// paper is a file that was read. It has no rows when it is a confirmation that
// says that nothing was booked.
type paper struct {
	rows  [][]string
	about map[string][]int // of a confirmation: the rows that speak of a posting
	size  int              // bytes that it takes in memory, about
}

// Bytes that parts of a paper take beside their text.
const (
	cellSize = 16 // a string
	rowSize  = 24 // a slice
	nameSize = 64 // an entry of a map
	markSize = 16 // an int, and room to grow
)

// paper reads a file, or remembers it.
func (c *confirmations) paper(ctx context.Context, at place, directory, name string) (*paper, error) {
	key := directory + "/" + name
	c.mu.Lock()
	kept := c.kept[key]
	c.mu.Unlock()
	if kept != nil {
		return kept, nil
	}
	content, err := c.whole(ctx, at, name)
	switch {
	case errors.Is(err, errMarker) && directory == c.upload.Directory:
		return &paper{}, nil // as good as none: the creditor books nothing of it
	case err != nil:
		return nil, err
	}
	read, err := c.cut(directory, name, content)
	if err == nil && read.rows != nil {
		c.keep(key, read)
	}
	return read, err
}

// cut makes a paper of a file.
func (c *confirmations) cut(directory, name string, content []byte) (*paper, error) {
	told, err := c.lines(name, content)
	if err != nil || directory != c.answer.Directory {
		return told, err
	}
	if err := c.confirmation(name, told); err != nil {
		return nil, err
	}
	return told, c.index(name, told)
}

// index tells which rows of a confirmation speak of which posting.
func (c *confirmations) index(name string, told *paper) error {
	reading := c.manifest.Reading(c.read, hub.Asked{}, c.env.Clock.Now())
	row := connectors.NewRow(c.answer.Columns)
	told.about = make(map[string][]int, len(told.rows))
	for i, cells := range told.rows {
		row.Set(cells)
		postings, err := reading.About(row)
		if err != nil {
			return connectors.BadData("%s, line %d: %w", name, i+2, err) // the first is the columns
		}
		for _, posting := range postings {
			if told.about[posting] == nil {
				told.size += nameSize + len(posting)
			}
			told.about[posting] = append(told.about[posting], i)
			told.size += markSize
		}
	}
	return nil
}

// keep remembers a file: one that was booked or sent does not change. What says
// that nothing was booked may be followed by another.
func (c *confirmations) keep(key string, read *paper) {
	if read.size > maxKept {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size+read.size > maxKept {
		c.kept, c.size = map[string]*paper{}, 0
	}
	c.kept[key] = read
	c.size += read.size
}

var errMarker = errors.New("a file of payments that is not what its marker says")

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
		return nil, connectors.BadData("%s: more than %d MiB", name, maxSheet>>20)
	case hex.EncodeToString(hash[:]) != want:
		return nil, connectors.BadData("%s: %w", name, errMarker)
	}
	return content, nil
}

// lines are the cells of all lines. It fails with CodeBadData, and cuts nothing up,
// when there are too many.
func (c *confirmations) lines(name string, content []byte) (*paper, error) {
	ends := bytes.Count(content, []byte("\n"))
	cells := ends + bytes.Count(content, []byte(c.settings.Table.Delimiter))
	if cells > maxCells {
		return nil, connectors.BadData("%s: more than %d cells", name, maxCells)
	}
	set, _ := guess(content[:min(len(content), lines.SampleSize)], charsetOf(c.settings.Table.Charset))
	content = bytes.TrimPrefix(content, []byte(mark))
	text := strings.TrimSuffix(string(set.appendText(nil, content)), "\n")
	told := &paper{rows: make([][]string, 0, ends+1), size: len(text) + cellSize*(cells+1) + rowSize*(ends+1)}
	for line := range strings.SplitSeq(text, "\n") {
		told.rows = append(told.rows, strings.Split(strings.TrimSuffix(line, "\r"), c.settings.Table.Delimiter))
	}
	return told, nil
}

// confirmation leaves the rows of a confirmation, none and nil when nothing was
// booked. It fails with CodeBadData for another first line, lines of another width
// and a number of lines that is not theirs.
func (c *confirmations) confirmation(name string, told *paper) error {
	if !slices.Equal(told.rows[0], c.answer.Columns) {
		return connectors.BadData("%s: a confirmation whose first line is another", name)
	}
	rows := told.rows[1:]
	if c.answer.Failed != "" && slices.ContainsFunc(rows, func(cells []string) bool { return cells[0] == c.answer.Failed }) {
		told.rows = nil
		return nil
	}
	if c.answer.Control != "" {
		last := len(rows) - 1
		if last < 0 || rows[last][0] != c.answer.Control || len(rows[last]) < 2 || rows[last][1] != strconv.Itoa(last) {
			return connectors.BadData("%s: a confirmation that is cut off, or whose number of lines is wrong", name)
		}
		rows = rows[:last]
	}
	for i, cells := range rows {
		if len(cells) != len(c.answer.Columns) {
			return connectors.BadData("%s, line %d: %d cells, not %d", name, i+2, len(cells), len(c.answer.Columns))
		}
	}
	told.rows = rows
	return nil
}
