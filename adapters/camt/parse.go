package camt

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// MostBytes bounds a statement: 60,000 entries are about 60 MB.
const MostBytes = 96 << 20

// Parse reads the booked entries of an account from a camt.053.001.08 document.
// It believes a statement only as a whole: what is not the account's, of another
// currency, or does not add up to its own balances and totals is CodeBadData, and
// the error names the place. Entries that are not booked yet are left out.
func Parse(data []byte, iban string) ([]hub.BankEntry, error) {
	doc, err := decode(data)
	if err != nil {
		return nil, err
	}
	var all []hub.BankEntry
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.IBAN != iban {
			return nil, bad("Stmt[%d]: of another account", i+1)
		}
		entries, err := s.read()
		if err != nil {
			return nil, bad("Stmt[%d]: %w", i+1, err)
		}
		all = append(all, entries...)
	}
	if len(doc.Statements) == 0 {
		return nil, bad("there is no Stmt")
	}
	return all, unique(all)
}

// decode reads one whole document and nothing after it. Entities other than XML's
// own five, and document types, are refused.
func decode(data []byte) (*document, error) {
	if len(data) > MostBytes {
		return nil, bad("more than %d bytes", MostBytes)
	}
	doc := &document{}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the character set is not UTF-8")
	}
	for {
		token, err := d.Token()
		if err != nil {
			return nil, bad("not XML")
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, bad("a document type is not allowed")
		case xml.StartElement:
			if t.Name.Space != namespace || t.Name.Local != "Document" {
				return nil, bad("not a camt.053.001.08 Document")
			}
			if err := d.DecodeElement(doc, &t); err != nil {
				return nil, bad("not the XML of a statement")
			}
			return doc, ended(d)
		}
	}
}

// ended makes sure that nothing but blanks and comments follows.
func ended(d *xml.Decoder) error {
	for {
		switch token, err := d.Token(); t := token.(type) {
		case nil:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return bad("not XML")
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return bad("something follows the Document")
			}
		case xml.Comment:
		default:
			return bad("something follows the Document")
		}
	}
}

// read reads the entries and proves that they add up.
func (s *statement) read() (all []hub.BankEntry, err error) {
	booked, moved := int64(0), int64(0)
	for i := range s.Entries {
		e := &s.Entries[i]
		value, err := signed(e.Amount, e.Side)
		if err != nil {
			return nil, fmt.Errorf("element Ntry[%d]: %w", i+1, err)
		}
		if moved, err = add(moved, max(value, -value)); err != nil {
			return nil, err
		}
		if e.Status != "BOOK" {
			continue
		}
		if booked, err = add(booked, value); err != nil {
			return nil, err
		}
		entries, err := e.read(s.IBAN, value)
		if err != nil {
			return nil, fmt.Errorf("element Ntry[%d]: %w", i+1, err)
		}
		all = append(all, entries...)
	}
	return all, errors.Join(s.balanced(booked), s.counted(moved))
}

// balanced: the opening balance and what was booked are the closing balance.
func (s *statement) balanced(booked int64) error {
	of := map[string]int64{}
	for i := range s.Balances {
		b := &s.Balances[i]
		value, err := signed(b.Amount, b.Side)
		if err != nil {
			return fmt.Errorf("element Bal[%d]: %w", i+1, err)
		}
		of[b.Code] = value
	}
	opening, opens := of["OPBD"]
	closing, closes := of["CLBD"]
	if !opens || !closes {
		return errors.New("element Bal: OPBD and CLBD are not both there")
	}
	if sum, err := add(opening, booked); err != nil || sum != closing {
		return errors.New("element Bal: the entries do not lead from OPBD to CLBD")
	}
	return nil
}

// counted: the statement's own totals fit, where it has them.
func (s *statement) counted(moved int64) error {
	if s.Total == nil {
		return nil
	}
	if s.Total.Count != "" && s.Total.Count != strconv.Itoa(len(s.Entries)) {
		return errors.New("TxsSummry: another number of entries")
	}
	if s.Total.Sum != "" {
		if sum, err := bani(s.Total.Sum); err != nil || sum != moved {
			return errors.New("TxsSummry: another sum")
		}
	}
	return nil
}

// read gives the entry's transactions on the account with an IBAN: its details, when
// they add up to it.
func (e *entry) read(iban string, value int64) ([]hub.BankEntry, error) {
	day, err := e.day()
	if err != nil {
		return nil, err
	}
	whole := hub.BankEntry{Number: cmp.Or(e.BankRef, e.Ref), Amount: hub.Bani(value), Day: day}
	if len(e.Details) <= 1 {
		if len(e.Details) == 1 {
			e.Details[0].describe(&whole)
			whole.Payer = e.Details[0].other(iban, e.paid(value))
		}
		if whole.Number == "" {
			return nil, errors.New("AcctSvcrRef: is missing")
		}
		return []hub.BankEntry{whole}, nil
	}
	sum, parts := int64(0), make([]hub.BankEntry, 0, len(e.Details))
	for i := range e.Details {
		t := &e.Details[i]
		if t.Amount == nil {
			return nil, fmt.Errorf("TxDtls[%d]: Amt is missing", i+1)
		}
		part, err := signed(*t.Amount, cmp.Or(t.Side, e.Side))
		if err == nil {
			sum, err = add(sum, part)
		}
		if err != nil {
			return nil, fmt.Errorf("TxDtls[%d]: %w", i+1, err)
		}
		if t.BankRef == whole.Number { // the entry's, and not its own
			t.BankRef = ""
		}
		one := hub.BankEntry{Number: fmt.Sprintf("%s.%d", whole.Number, i+1), Amount: hub.Bani(part), Day: day}
		t.describe(&one)
		one.Payer = t.other(iban, e.paid(part))
		parts = append(parts, one)
	}
	if sum != value {
		return nil, errors.New("TxDtls: they do not add up to the entry")
	}
	return parts, nil
}

func (e *entry) day() (hub.Date, error) {
	if e.Day != "" {
		return hub.ParseDate(e.Day)
	}
	at, err := time.Parse(time.RFC3339, e.Moment)
	if err != nil {
		return "", errors.New("BookgDt: not a day")
	}
	return hub.DateOf(at), nil
}

// notProvided stands where a payer gave no reference.
const notProvided = "NOTPROVIDED"

func (t *details) describe(e *hub.BankEntry) {
	if t.EndToEnd != notProvided {
		e.Ref = t.EndToEnd
	}
	e.Number, e.Text = cmp.Or(t.BankRef, e.Number), strings.Join(t.Text, " ")
}

// paid tells whether the account's owner paid, by what its parties are called: what
// is reversed keeps the parties that it had, though the money goes the other way.
func (e *entry) paid(value int64) bool { return (value < 0) != e.Reversal }

// other is the IBAN of the other side. A bank may reverse without saying so, and
// leave one party out: then it is whichever is not the account itself.
func (t *details) other(iban string, paid bool) string {
	parties := []string{t.Debtor, t.Creditor}
	if paid {
		slices.Reverse(parties)
	}
	for _, party := range parties {
		if party != "" && party != iban {
			return party
		}
	}
	return ""
}

// unique makes sure that the bank's numbers tell its entries apart.
func unique(all []hub.BankEntry) error {
	seen := map[string]bool{}
	for _, e := range all {
		key := string(e.Day) + " " + e.Number
		if seen[key] {
			return bad("Ntry: the bank's number is there twice")
		}
		seen[key] = true
	}
	return nil
}

// signed reads an amount of lei and the side it is on.
func signed(a amount, side string) (int64, error) {
	if a.Currency != hub.RON {
		return 0, errors.New("element Amt: not in RON")
	}
	value, err := bani(a.Text)
	if err != nil {
		return 0, err
	}
	switch side {
	case "CRDT":
		return value, nil
	case "DBIT":
		return -value, nil
	}
	return 0, errors.New("CdtDbtInd: neither CRDT nor DBIT")
}

// bani reads a decimal number of lei with at most two decimals that are not 0.
// The schema allows 18 digits, 5 of them after the point.
func bani(text string) (int64, error) {
	whole, part, _ := strings.Cut(strings.TrimSpace(text), ".")
	part = strings.TrimRight(part, "0")
	digits := whole + (part + "00")[:max(2, len(part))]
	if whole == "" || len(part) > 2 || len(digits) > 18 || strings.Trim(digits, "0123456789") != "" {
		return 0, errors.New("element Amt: not an amount in lei")
	}
	return strconv.ParseInt(digits, 10, 64)
}

func add(a, b int64) (int64, error) {
	if b > 0 && a > math.MaxInt64-b || b < 0 && a < math.MinInt64-b {
		return 0, errors.New("element Amt: the sum is too large")
	}
	return a + b, nil
}

// bad says where a statement is not what it must be. It holds nothing of what a
// text said, because that may be somebody's name.
func bad(format string, args ...any) error {
	return hub.Wrap(hub.CodeBadData, fmt.Errorf("camt.053: "+format, args...), "The bank's statement cannot be understood.")
}
