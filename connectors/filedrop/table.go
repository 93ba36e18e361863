package filedrop

import (
	"slices"
	"strconv"
	"strings"

	"racord/connectors"
	"racord/hub"
)

// table is a Table ready for use.
type table struct {
	Table
	charset   *charset
	delimiter byte
	rows      int   // index of the column with the number of lines
	sums      []int // indexes of the columns that are added up
	amount    func(string) (int64, error)
}

func tableOf(t Table) table {
	out := table{Table: t, charset: charsetOf(t.Charset), delimiter: t.Delimiter[0]}
	if t.Control == nil {
		return out
	}
	out.rows = slices.Index(t.Columns, t.Control.Rows)
	for _, name := range t.Control.Sums {
		out.sums = append(out.sums, slices.Index(t.Columns, name))
	}
	switch t.Control.Amount {
	case "money_decimal":
		out.amount = connectors.MoneyDecimal
	case "bani":
		out.amount = connectors.Bani
	default:
		out.amount = connectors.MoneyRO
	}
	return out
}

// tally is what was counted in one file.
type tally struct {
	rows int
	sums []int64
}

func (t *table) tally() *tally {
	return &tally{sums: make([]int64, len(t.sums))}
}

// count adds a line. What cannot be read is not added, so that the control
// total tells whether it was worth anything.
func (t *table) count(into *tally, cells []string) {
	into.rows++
	for i, column := range t.sums {
		if column >= len(cells) {
			continue
		}
		if bani, err := t.amount(cells[column]); err == nil {
			into.sums[i] += bani
		}
	}
}

// agrees compares a control line with what was counted.
func (t *table) agrees(line []string, counted *tally) error {
	if len(line) != len(t.Columns) {
		return hub.Errorf(hub.CodeBadData, "the control line has %d cells, not %d", len(line), len(t.Columns))
	}
	rows, err := strconv.Atoi(strings.TrimSpace(line[t.rows]))
	if err != nil || rows != counted.rows {
		return hub.Errorf(hub.CodeBadData, "the control line does not say the %d lines there are", counted.rows)
	}
	for i, column := range t.sums {
		said, err := t.amount(line[column])
		if err != nil || said != counted.sums[i] {
			return hub.Errorf(hub.CodeBadData, "the control total of %s does not fit", t.Columns[column])
		}
	}
	return nil
}
