package connectors

import (
	"fmt"
	"net/url"
	"reflect"
	"sort"
	"strings"
)

// Problem is one mistake in a manifest.
type Problem struct {
	File  string
	Line  int    // from 1
	Field string // path in the file: "calls.obligations.map.total"
	What  string // what is wrong, and what is allowed
}

// String gives "file:line: field: what".
func (p Problem) String() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Field, p.What)
}

// Problems are all mistakes found in a manifest, in the order of its lines, and
// in the files it names.
type Problems []Problem

// Error gives one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// inspection collects problems while a file is read, and remembers where fields
// stand so that later checks can name their line.
type inspection struct {
	file  string
	lines map[string]int
	found Problems
	names string                        // what the creditor's secrets begin with
	call  *Call                         // the call being read
	types map[reflect.Type]structFields // those met so far

	beside     Beside    // nil = no files come with it
	accountsAt []Problem // where accounts stand that come from a file
}

// inspect begins a file.
func inspect(file string) *inspection {
	return &inspection{file: file, lines: map[string]int{}, types: map[reflect.Type]structFields{}}
}

func (in *inspection) sawAt(field string, line int) { in.lines[field] = line }

// at reports a problem of a field, or of the nearest part above it that stands
// in the file.
func (in *inspection) at(field, format string, args ...any) {
	in.found = append(in.found, Problem{in.file, in.lineOf(field), field, fmt.Sprintf(format, args...)})
}

func (in *inspection) lineOf(field string) int {
	for {
		if line, ok := in.lines[field]; ok {
			return line
		}
		cut := strings.LastIndexAny(field, ".[")
		if cut < 0 {
			return 1
		}
		field = field[:cut]
	}
}

// err gives what was found, sorted, or nil.
func (in *inspection) err() error {
	if len(in.found) == 0 {
		return nil
	}
	sort.SliceStable(in.found, func(i, j int) bool {
		a, b := in.found[i], in.found[j]
		if (a.File == in.file) != (b.File == in.file) {
			return a.File == in.file // the manifest before the files it names
		}
		return a.Line < b.Line
	})
	return in.found
}

// below reports problems of parts of a field.
func (in *inspection) below(field string) func(part, problem string) {
	return func(part, problem string) { in.at(join(field, part), "%s", problem) }
}

func join(field, part string) string {
	switch {
	case part == "":
		return field
	case field == "", part[0] == '[':
		return field + part
	default:
		return field + "." + part
	}
}

// oneOf lists what is allowed.
func oneOf(allowed []string) string { return "one of " + strings.Join(allowed, ", ") }

// CheckURL tells what keeps a text from being the address of a creditor, "" when
// nothing does. Whether plain http is good enough is for the operator to say.
func CheckURL(s string) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return "not an address of the form https://host/path"
	case u.User != nil:
		return "must not hold a user or password; name secrets instead"
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "must not hold a query or a fragment"
	}
	return ""
}
