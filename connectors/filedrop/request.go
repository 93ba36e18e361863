package filedrop

import (
	"slices"
	"strings"

	"racord/connectors"
)

// Upload is the file postings are told in.
type Upload struct {
	Directory string                `json:"directory" doc:"Folder the file is put into." required:"true"`
	File      string                `json:"file" doc:"Its name: {id} stands for a name made of the postings in it, {date} for the day of the first as YYYYMMDD." required:"true"`
	Columns   []Cell                `json:"columns" doc:"What stands in a line, in this order; the names are the first line." required:"true"`
	Control   []connectors.Template `json:"control" doc:"Cells of the last line, with {{ rows }} and {{ sum }}." in:"body"`
}

// Cell is a column of the file.
type Cell struct {
	Name  string              `json:"name" doc:"Name in the first line." required:"true"`
	Value connectors.Template `json:"value" doc:"What stands in it; nothing for an optional hole without a value." required:"true" in:"body"`
}

// Confirmation is the file in which the creditor says what it booked.
type Confirmation struct {
	Directory string   `json:"directory" doc:"Folder it is put into." required:"true"`
	File      string   `json:"file" doc:"Its name: {file} stands for the name of the file of postings." required:"true"`
	Columns   []string `json:"columns" doc:"The first line, exactly; the names are the paths of the booking." required:"true"`
	Control   string   `json:"control" doc:"First cell of the last line, whose second is the number of lines."`
	Failed    string   `json:"failed" doc:"First cell of a line that says that nothing of the file was booked."`
}

const (
	wordID   = "{id}"
	wordFile = "{file}"
)

// Check finds what cannot work.
func (u Upload) Check(report func(field, problem string)) {
	if strings.Count(u.File, wordID) != 1 || strings.Count(u.File, wordDate) > 1 || strings.ContainsAny(u.File, "/\\\x00") {
		report("file", "needs {id} once, {date} at most once, and no folder")
	}
	for i, c := range u.Columns {
		if slices.ContainsFunc(u.Columns[:i], func(o Cell) bool { return o.Name == c.Name }) {
			report("columns", "two columns are called "+c.Name)
		}
	}
}

// Check finds what cannot work.
func (c Confirmation) Check(report func(field, problem string)) {
	if strings.Count(c.File, wordFile) != 1 || strings.ContainsAny(c.File, "/\\\x00") {
		report("file", "needs {file} once, and no folder")
	}
	for i, name := range c.Columns {
		if slices.Contains(c.Columns[:i], name) {
			report("columns", "two columns are called "+name)
		}
	}
	if c.Control != "" && len(c.Columns) < 2 {
		report("control", "the number of lines stands in the second cell, and there is one column")
	}
}
