package filedrop

import (
	"strings"
	"time"

	"racord/hub"
)

// pattern is how file names are made of a date and a branch.
type pattern struct {
	parts  []string // literal text and the two words below, in order
	branch bool
}

const (
	wordDate   = "{date}"
	wordBranch = "{branch}"
	dateForm   = "20060102"
)

// parsePattern reads "termo_{date}_{branch}.csv". ok is false when there is not
// exactly one date, more than one branch, or anything that could leave the
// folder.
func parsePattern(s string) (p pattern, ok bool) {
	if strings.Count(s, wordDate) != 1 || strings.Count(s, wordBranch) > 1 || strings.ContainsAny(s, "/\\\x00") {
		return pattern{}, false
	}
	for rest := s; rest != ""; {
		cut, word := len(rest), ""
		for _, w := range []string{wordDate, wordBranch} {
			if i := strings.Index(rest, w); i >= 0 && i < cut {
				cut, word = i, w
			}
		}
		if cut > 0 {
			p.parts = append(p.parts, rest[:cut])
		}
		if word != "" {
			p.parts = append(p.parts, word)
			p.branch = p.branch || word == wordBranch
		}
		rest = rest[cut+len(word):]
	}
	return p, true
}

// name makes the name of a file.
func (p pattern) name(day hub.Date, branch string) string {
	var b strings.Builder
	for _, part := range p.parts {
		switch part {
		case wordDate:
			b.WriteString(strings.ReplaceAll(string(day), "-", ""))
		case wordBranch:
			b.WriteString(branch)
		default:
			b.WriteString(part)
		}
	}
	return b.String()
}

// match reads a file's name. A branch is letters, digits, '-' and what stands
// between the literal parts around it.
func (p pattern) match(name string) (day hub.Date, branch string, ok bool) {
	rest := name
	for i, part := range p.parts {
		switch part {
		case wordDate:
			if len(rest) < len(dateForm) {
				return "", "", false
			}
			t, err := time.Parse(dateForm, rest[:len(dateForm)])
			if err != nil {
				return "", "", false
			}
			day, rest = hub.Date(t.Format(time.DateOnly)), rest[len(dateForm):]
		case wordBranch:
			end := p.branchEnd(i, rest)
			if end <= 0 {
				return "", "", false
			}
			branch, rest = rest[:end], rest[end:]
		default:
			if rest, ok = strings.CutPrefix(rest, part); !ok {
				return "", "", false
			}
		}
	}
	return day, branch, rest == "" && day != ""
}

// branchEnd finds where the branch that part i stands for ends in rest.
func (p pattern) branchEnd(i int, rest string) int {
	switch {
	case i+1 == len(p.parts):
		return len(rest)
	case p.parts[i+1] == wordDate:
		return len(rest) - len(dateForm) - len(strings.Join(p.parts[i+2:], ""))
	default:
		return strings.Index(rest, p.parts[i+1])
	}
}
