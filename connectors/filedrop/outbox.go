package filedrop

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
	"racord/hub"
)

// outbox tells a creditor of payments in files.
type outbox struct {
	*feed
	call Upload
}

var _ hub.Sink = (*outbox)(nil)

// Post puts the postings into one file, in the order of their names, and then its
// marker: without it nothing of the file is booked. The same postings give the
// same file under the same name, which may be put there again: what was booked of
// it stays, and what the creditor could not read it reads once more. What cannot
// stand in a file is refused alone.
func (o *outbox) Post(ctx context.Context, postings []hub.Posting) ([]hub.Receipt, error) {
	l, err := o.lot(ctx, postings)
	if err != nil {
		return nil, hub.Undone(err)
	}
	if l.rows == 0 {
		return l.receipts, nil
	}
	p, err := o.at(ctx, o.call.Directory)
	if err != nil {
		return nil, hub.Undone(err)
	}
	err = o.deliver(ctx, p, l)
	_ = p.Close() // what was put there stays
	if err != nil {
		return nil, err
	}
	return l.receipts, nil
}

// deliver puts the file and then its marker, which is what counts.
func (o *outbox) deliver(ctx context.Context, p place, s *lot) error {
	if err := p.put(ctx, s.name, s.content); err != nil {
		return hub.Undone(err)
	}
	hash := sha256.Sum256(s.content)
	return p.put(ctx, s.name+o.settings.Marker, []byte(hex.EncodeToString(hash[:])+"\n"))
}

// lot is a file of postings.
type lot struct {
	name     string
	content  []byte
	rows     int
	sum      hub.Money
	receipts []hub.Receipt // in the order of the postings
}

func (o *outbox) lot(ctx context.Context, postings []hub.Posting) (*lot, error) {
	if len(postings) == 0 {
		return nil, hub.Errorf(hub.CodeInvalid, "There is nothing to tell the creditor.")
	}
	s := &lot{sum: hub.Bani(0), receipts: make([]hub.Receipt, len(postings))}
	order := inOrder(postings)
	s.name = o.call.name(postings, order)
	text := o.heading()
	for _, i := range order {
		line, err := o.line(ctx, &postings[i], s.rows+1)
		s.receipts[i] = hub.Receipt{ID: postings[i].ID, Number: s.name, BookedAt: o.env.Clock.Now(), Pending: true}
		if err == nil {
			s.sum, err = s.sum.Add(postings[i].Amount)
		}
		if err != nil {
			s.receipts[i] = hub.Receipt{ID: postings[i].ID, Err: hub.Undone(err)}
			continue
		}
		text, s.rows = append(text, line...), s.rows+1
	}
	end, err := o.control(ctx, s)
	s.content = append(text, end...)
	return s, err
}

// inOrder gives the places of postings in the order of their names.
func inOrder(postings []hub.Posting) []int {
	order := make([]int, len(postings))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(string(postings[a].ID), string(postings[b].ID)) })
	return order
}

// name is made of the postings, so that the same give the same file.
func (u Upload) name(postings []hub.Posting, order []int) string {
	first, _ := span(postings)
	return u.fileOf(lotName(postings, order), hub.DateOf(first))
}

// lotName names postings that are in one file together.
func lotName(postings []hub.Posting, order []int) string {
	if len(postings) == 1 {
		return nameOf(postings[0].ID)
	}
	all := sha256.New()
	for _, i := range order {
		_, _ = all.Write([]byte(string(postings[i].ID) + "\n"))
	}
	return "lot-" + base32.StdEncoding.EncodeToString(all.Sum(nil)[:15])
}

func (u Upload) fileOf(id string, day hub.Date) string {
	return strings.NewReplacer(wordID, id, wordDate, dayWord(day)).Replace(u.File)
}

// nameOf is a posting's name with the characters that file names have.
func nameOf(id hub.PostingID) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			return c
		}
		return '-'
	}, string(id))
}

func (o *outbox) heading() []byte {
	names := make([]string, len(o.call.Columns))
	for i, c := range o.call.Columns {
		names[i] = c.Name
	}
	return []byte(strings.Join(names, o.settings.Table.Delimiter) + lineEnd)
}

const lineEnd = "\r\n"

func (o *outbox) line(ctx context.Context, p *hub.Posting, number int) ([]byte, error) {
	templates := make([]*connectors.Template, len(o.call.Columns))
	for i := range o.call.Columns {
		templates[i] = &o.call.Columns[i].Value
	}
	return o.cells(ctx, templates, &connectors.Vars{Posting: p, Line: number})
}

// control is the last line.
func (o *outbox) control(ctx context.Context, s *lot) ([]byte, error) {
	if len(o.call.Control) == 0 || s.rows == 0 {
		return nil, nil
	}
	templates := make([]*connectors.Template, len(o.call.Control))
	for i := range o.call.Control {
		templates[i] = &o.call.Control[i]
	}
	return o.cells(ctx, templates, &connectors.Vars{Posting: &hub.Posting{}, Rows: s.rows, Sum: s.sum})
}

var errCell = errors.New("a value that would end its cell or its line")

// cells fills the templates and writes a line in the creditor's character set.
func (o *outbox) cells(ctx context.Context, templates []*connectors.Template, v *connectors.Vars) ([]byte, error) {
	v.Now, v.Secret = o.env.Clock.Now(), o.env.Secret
	var line []byte
	for i, t := range templates {
		if i > 0 {
			line = append(line, o.settings.Table.Delimiter...)
		}
		cell, present, err := t.Append(ctx, nil, v, connectors.InBody)
		switch {
		case err != nil:
			return nil, err
		case !present:
			continue
		case strings.ContainsAny(string(cell), "\"\r\n\x00"+o.settings.Table.Delimiter):
			return nil, hub.Wrap(hub.CodeInvalid, errCell, "A value cannot stand in the creditor's file.")
		}
		line = append(line, cell...)
	}
	encoded, err := encoders[o.settings.Table.Charset].NewEncoder().Bytes(append(line, lineEnd...))
	if err != nil {
		return nil, hub.Wrap(hub.CodeInvalid, err, "A value holds a letter the creditor's system does not know.")
	}
	return encoded, nil
}

// encoders are the character sets of files, by the names of Table.Charset.
var encoders = map[string]encoding.Encoding{
	"windows-1250": charmap.Windows1250, "iso-8859-2": charmap.ISO8859_2, "cp852": charmap.CodePage852, "utf-8": encoding.Nop,
}
