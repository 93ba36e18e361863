package filedrop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"racord/connectors"
	"racord/connectors/lines"
	"racord/hub"
)

// batch reads the files of one delivery, one after the other.
type batch struct {
	feed     *feed
	ctx      context.Context
	place    place
	delivery delivery
	control  hub.Control
}

var _ hub.Batch = (*batch)(nil)

// Extent is everything: what a delivery does not list is not owed any more.
func (b *batch) Extent() hub.Extent { return hub.ExtentAll }

// AsOf is the first moment of the day in the files' names.
func (b *batch) AsOf() time.Time { return b.delivery.day.Start() }

// Control gives the number of lines that all control lines together say, -1
// when files have none. Their sums were compared while the files were read.
func (b *batch) Control() hub.Control { return b.control }

// Next is the cursor after this delivery.
func (b *batch) Next() hub.Cursor { return b.delivery.cursor() }

// Close hangs up.
func (b *batch) Close() error { return b.place.Close() }

// Records gives a record for every line. An error names the file and the line.
func (b *batch) Records() iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		twins, rows, due := twins{}, 0, int64(0)
		for _, p := range b.delivery.parts {
			s, err := b.sheet(p)
			if err == nil {
				err = s.read(yield)
				_ = s.file.Close() // it was only read
			}
			if errors.Is(err, errStop) {
				return
			}
			if err == nil {
				err = b.repeated(p, s, &twins)
			}
			if err != nil {
				yield(hub.Record{}, err)
				return
			}
			rows, due = rows+s.counted.rows, due+s.due
		}
		if twins.unchanged != "" && !twins.changed {
			yield(hub.Record{}, yesterdays(twins.unchanged))
			return
		}
		if b.feed.table.Control != nil {
			b.control = hub.Control{Rows: rows, Total: due}
		}
	}
}

// errStop ends the reading because nobody wants more.
var errStop = errors.New("enough")

// twins is what is known about files with the same content.
type twins struct {
	names     map[string]string // hash → file of this delivery
	unchanged string            // the first file with yesterday's content
	changed   bool              // another file has new content
}

// telling is how many lines a file has that cannot be the same as yesterday's:
// somebody paid, or a penalty grew. Where fewer people are customers nothing may
// have happened, so there the whole delivery must be yesterday's.
const telling = 200

// repeated finds the content of another branch, or of the day before, under
// this name. A file without lines says nothing.
func (b *batch) repeated(p part, s *sheet, t *twins) error {
	if s.counted.rows == 0 {
		return nil
	}
	if twin := t.names[p.hash]; twin != "" {
		return hub.Errorf(hub.CodeBadData, "%s holds the same as %s.", p.name, twin)
	}
	if t.names == nil {
		t.names = map[string]string{}
	}
	t.names[p.hash] = p.name
	switch {
	case b.feed.settings.Unchanged != "refuse" || !b.delivery.previous[short(p.hash)]:
		t.changed = true
	case s.counted.rows >= telling:
		return yesterdays(p.name)
	case t.unchanged == "":
		t.unchanged = p.name
	}
	return nil
}

func yesterdays(name string) error {
	return hub.Errorf(hub.CodeBadData, "%s holds what was delivered the day before.", name)
}

// sheet is one file being read.
type sheet struct {
	batch   *batch
	part    part
	file    io.ReadCloser
	hash    hash.Hash
	lines   *lines.Reader
	charset *charset
	guessed bool
	reading *connectors.Reading
	row     *connectors.Row
	cells   []string
	text    []byte
	counted *tally
	due     int64 // bani
}

// sheet opens a file and looks at its beginning.
func (b *batch) sheet(p part) (*sheet, error) {
	file, size, err := b.place.open(b.ctx, p.name)
	if err != nil {
		return nil, err
	}
	limit := int64(b.feed.settings.MaxMB) << 20
	if size > limit {
		return nil, errors.Join(hub.Errorf(hub.CodeBadData, "%s is larger than %d MB.", p.name, b.feed.settings.MaxMB), file.Close())
	}
	f := b.feed
	s := &sheet{batch: b, part: p, file: file, hash: sha256.New(), counted: f.table.tally()}
	s.lines = lines.New(io.TeeReader(io.LimitReader(file, limit+1), s.hash))
	s.reading = f.manifest.Reading(f.manifest.Calls[connectors.CallPull], hub.Asked{}, f.env.Clock.Now())
	s.row = connectors.NewRow(f.table.Columns)
	var sure bool
	if s.charset, sure = guess(s.lines.Sample(), f.table.charset); !sure {
		return nil, errors.Join(s.bad("is not in %s, and in no other code page we know", f.table.Charset), file.Close())
	}
	s.guessed = s.charset != f.table.charset
	return s, nil
}

// bad is a damage of the whole delivery.
func (s *sheet) bad(format string, args ...any) error {
	return hub.Errorf(hub.CodeBadData, "%s, line %d: %s.", s.part.name, s.lines.Number, fmt.Sprintf(format, args...))
}

// read yields every line of the file and then compares what it says of itself.
func (s *sheet) read(yield func(hub.Record, error) bool) error {
	s.lines.SkipMark()
	if err := s.header(); err != nil {
		return err
	}
	ended := false
	for {
		line, err := s.lines.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return s.damage(err)
		}
		if len(line) == 0 {
			continue
		}
		if ended {
			return s.bad("something follows the control line")
		}
		cells, wrong := s.cellsOf(line)
		if ended = s.isControl(cells); ended {
			if err := s.batch.feed.table.agrees(cells, s.counted); err != nil {
				return s.bad("%s", hub.MessageOf(err))
			}
			continue
		}
		if !yield(s.record(cells, wrong), nil) {
			return errStop
		}
	}
	return s.whole(ended)
}

// damage tells a broken connection from a broken file.
func (s *sheet) damage(err error) error {
	if errors.Is(err, lines.ErrLong) {
		return s.bad("%v", err)
	}
	return err
}

func (s *sheet) header() error {
	line, err := s.lines.Next()
	if errors.Is(err, io.EOF) {
		return s.bad("the file is empty")
	}
	if err != nil {
		return s.damage(err)
	}
	cells, wrong := s.cellsOf(line)
	if wrong == nil && len(cells) == len(s.batch.feed.table.Columns) {
		for i, want := range s.batch.feed.table.Columns {
			if strings.TrimSpace(cells[i]) != want {
				return s.bad("column %d is not %s", i+1, want)
			}
		}
		return nil
	}
	return s.bad("the first line is not the %d columns that the manifest lists", len(s.batch.feed.table.Columns))
}

// cellsOf decodes and cuts a line. The cells are good until the next call.
func (s *sheet) cellsOf(line []byte) ([]string, error) {
	s.text = s.charset.appendText(s.text[:0], line)
	var err error
	s.cells, err = lines.Split(s.cells[:0], string(s.text), s.batch.feed.table.delimiter)
	return s.cells, err
}

func (s *sheet) isControl(cells []string) bool {
	control := s.batch.feed.table.Control
	return control != nil && len(cells) > 0 && cells[0] == control.Mark
}

// record maps a line, or tells why it is refused.
func (s *sheet) record(cells []string, wrong error) hub.Record {
	table := &s.batch.feed.table
	table.count(s.counted, cells)
	if wrong != nil {
		return s.refuse(hub.Obligation{}, "bad_line", "", wrong.Error())
	}
	if len(cells) != len(table.Columns) {
		return s.refuse(hub.Obligation{}, "bad_line", "", fmt.Sprintf("%d cells, not %d", len(cells), len(table.Columns)))
	}
	s.row.Set(cells)
	o, refused := s.reading.Record(s.row)
	if refused != nil {
		return s.refuse(o, refused.Code, column(refused.Field), refused.Detail)
	}
	if o.Account == "" {
		return s.refuse(o, "missing_field", "account", "a line needs an account")
	}
	for i := range o.Quality {
		o.Quality[i].Field = s.place("")
	}
	if s.guessed && beyondASCII(s.text) {
		o.Quality = append(o.Quality, hub.QualityEvent{Code: "encoding_guessed", Field: s.part.name, Detail: "read as " + s.charset.name})
	}
	s.due += o.Outstanding.Minor
	return hub.Record{Account: o.Account, Obligation: o}
}

// column takes the path out of a place such as record[12].VALOARE.
func column(place string) string {
	_, path, _ := strings.Cut(place, "].")
	return path
}

func beyondASCII(text []byte) bool {
	for _, b := range text {
		if b >= 0x80 {
			return true
		}
	}
	return false
}

// refuse leaves out a line. Whose it is stays known where it can be read.
func (s *sheet) refuse(o hub.Obligation, code, column, detail string) hub.Record {
	return hub.Record{
		Account: o.Account, Obligation: hub.Obligation{ExternalID: o.ExternalID},
		Refused: &hub.QualityEvent{Code: code, Field: s.place(column), Detail: detail},
	}
}

// place names the line, and the column if there is one.
func (s *sheet) place(column string) string {
	where := s.part.name + ", line " + strconv.Itoa(s.lines.Number)
	if column != "" {
		where += ", " + column
	}
	return where
}

// whole checks, once the file was read, that nothing of it is missing.
func (s *sheet) whole(control bool) error {
	if s.batch.feed.table.Control != nil && !control {
		return s.bad("the control line is missing: the file is cut off")
	}
	if got := hex.EncodeToString(s.hash.Sum(nil)); got != s.part.hash {
		return s.bad("the content does not fit the SHA-256 of its marker")
	}
	return nil
}
