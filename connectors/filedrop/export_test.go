package filedrop

import "racord/hub"

// Guess finds the charset of a sample.
func Guess(sample, declared string) (name string, sure bool) {
	c, sure := guess([]byte(sample), charsetOf(declared))
	return c.name, sure
}

// ReadConfirmation reads what a creditor wrote about a file of payments.
func ReadConfirmation(f hub.Finder, content []byte) (rows [][]string, err error) {
	c := f.(*confirmations)
	told, err := c.cut(c.answer.Directory, "plati.csv", content)
	if err != nil {
		return nil, err
	}
	return told.rows, nil
}

// Remembered counts the cells that are kept in memory.
func Remembered(f hub.Finder) (cells int) {
	for _, told := range f.(*confirmations).kept {
		for _, row := range told.rows {
			cells += len(row)
		}
	}
	return cells
}
