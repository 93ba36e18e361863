package connectors

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
)

// Beside gives a file that stands beside a manifest and is named in it.
type Beside func(name string) ([]byte, error)

// The bounds of a list of accounts that is a file of its own.
const (
	mostAccounts   = 5000
	maxAccountFile = 1 << 20
)

// accountColumns are the columns of such a file. The last may be missing.
var accountColumns = []string{"id", "iban", "beneficiary", "revenue_code"}

// accountList is a list of accounts, or the name of the file it stands in.
type accountList []accountPart

func (l *accountList) readNode(in *inspection, node ast.Node, field string, tag reflect.StructTag) {
	if _, ok := node.(*ast.StringNode); !ok {
		list := (*[]accountPart)(l)
		in.list(node, reflect.ValueOf(list).Elem(), field, tag, 1)
		return
	}
	name, _ := in.text(node, field)
	if name != path.Base(name) || path.Ext(name) != ".csv" || len(name) > 64 {
		in.at(field, "%q is not the name of a file beside the manifest: no folders, ending in .csv, 64 characters at most", name)
		return
	}
	data, err := in.readBeside(name)
	if err != nil {
		in.at(field, "the file %s is not there", name)
		return
	}
	*l = in.accountFile(name, data)
}

func (in *inspection) readBeside(name string) ([]byte, error) {
	if in.beside == nil {
		return nil, errors.New("no files come with this manifest")
	}
	return in.beside(name)
}

// inFile reports a problem on a line of a file that the manifest names.
func (in *inspection) inFile(file string, line int, field, format string, args ...any) {
	in.found = append(in.found, Problem{file, line, field, fmt.Sprintf(format, args...)})
}

// accountFile reads accounts from CSV: a line of column names, then one an
// account; separated by semicolons, commas or tabs, whatever the first line uses.
func (in *inspection) accountFile(name string, data []byte) accountList {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > maxAccountFile:
		in.inFile(name, 1, "", "larger than %d KiB", maxAccountFile>>10)
		return nil
	case !utf8.Valid(data):
		in.inFile(name, 1, "", "not UTF-8")
		return nil
	}
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comma = separator(data)
	rows.FieldsPerRecord = -1
	head, err := rows.Read()
	if err != nil || !slices.Equal(head, accountColumns[:min(len(head), 4)]) || len(head) < 3 {
		in.inFile(name, 1, "", "the first line must be %s", strings.Join(accountColumns, ";"))
		return nil
	}
	return in.accountRows(name, rows, len(head))
}

func separator(data []byte) rune {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	for _, c := range []byte{';', '\t'} {
		if bytes.IndexByte(first, c) >= 0 {
			return rune(c)
		}
	}
	return ','
}

func (in *inspection) accountRows(name string, rows *csv.Reader, columns int) (list accountList) {
	for {
		cells, err := rows.Read()
		var broken *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return list
		case errors.As(err, &broken):
			in.inFile(name, broken.Line, "", "not CSV: %s", broken.Err)
			return list
		}
		line, _ := rows.FieldPos(0)
		switch {
		case len(cells) != columns:
			in.inFile(name, line, "", "has %d cells, not %d", len(cells), columns)
			continue
		case len(list) == mostAccounts:
			in.inFile(name, line, "", "more than %d accounts", mostAccounts)
			return list
		}
		list = append(list, in.accountRow(name, line, cells))
	}
}

func (in *inspection) accountRow(name string, line int, cells []string) accountPart {
	for i := range cells {
		cells[i] = strings.TrimSpace(cells[i])
	}
	a := accountPart{ID: cells[0], IBAN: cells[1], Beneficiary: cells[2]}
	if len(cells) > 3 {
		a.RevenueCode = cells[3]
	}
	for i, cell := range cells[:3] {
		if cell == "" {
			in.inFile(name, line, accountColumns[i], "is missing")
		}
	}
	a.Check(func(field, problem string) { in.inFile(name, line, field, "%s", problem) })
	in.accountsAt = append(in.accountsAt, Problem{File: name, Line: line})
	return a
}

// atAccount reports a problem of an account, wherever it stands.
func (in *inspection) atAccount(i int, field, format string, args ...any) {
	if i < len(in.accountsAt) {
		in.inFile(in.accountsAt[i].File, in.accountsAt[i].Line, field, format, args...)
		return
	}
	in.at(fmt.Sprintf("accounts[%d].%s", i, field), format, args...)
}
