package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Duration is a time span written like 1500ms, 5s or 8h30m.
type Duration time.Duration

// UnmarshalYAML reads the span and says where it stands when it is none.
func (d *Duration) UnmarshalYAML(node ast.Node) error {
	span, err := time.ParseDuration(text(node))
	if err != nil {
		return misplaced(node, "is not a duration; write 1500ms, 5s or 8h30m")
	}
	*d = Duration(span)
	return nil
}

// String writes the span as the configuration has it: 1h, 1m30s.
func (d Duration) String() string {
	text := time.Duration(d).String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, nothing) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Prefix is a range of addresses in CIDR notation.
type Prefix struct{ netip.Prefix }

// UnmarshalYAML reads the range and says where it stands when it is none.
func (p *Prefix) UnmarshalYAML(node ast.Node) (err error) {
	if p.Prefix, err = netip.ParsePrefix(text(node)); err != nil {
		return misplaced(node, "is not a range of addresses; write 10.20.0.0/16 or fd00::/8")
	}
	return nil
}

func text(node ast.Node) string { return strings.Trim(node.String(), `"'`) }

// placed is a mistake with its line.
type placed struct {
	line int
	what string
}

func (p *placed) Error() string { return p.what }

func misplaced(node ast.Node, what string) error {
	said := fmt.Sprintf("%q %s", text(node), what)
	if key := strings.TrimPrefix(node.GetPath(), "$."); key != "" {
		said = key + ": " + said
	}
	return &placed{node.GetToken().Position.Line, said}
}

// mistakes gathers values that cannot work, with the line each stands in.
type mistakes struct {
	file  string
	lines func() *ast.File // read when something is wrong
	found []placed
}

// linesOf keeps the text as it was parsed; nil for one that cannot be, which has
// been told of by then.
func linesOf(data []byte) *ast.File {
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil
	}
	return tree
}

func (m *mistakes) add(key, what string) {
	m.found = append(m.found, placed{m.line(key), key + ": " + what})
}

// line is where a key stands, or else what it is missing in.
func (m *mistakes) line(key string) int {
	for lines := m.lines(); lines != nil && key != ""; {
		if path, err := yaml.PathString("$." + key); err == nil {
			if node, err := path.FilterFile(lines); err == nil && node != nil {
				return lineOf(node)
			}
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return 1
}

// joined gives all of them in the order of the lines.
func (m *mistakes) joined() error {
	slices.SortStableFunc(m.found, func(a, b placed) int { return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.what, b.what)) })
	var all []error
	for _, p := range m.found {
		all = append(all, fmt.Errorf("%s:%d: %s", m.file, p.line, p.what))
	}
	return errors.Join(all...)
}

// located puts "file:line:" before a mistake.
func located(file string, err error) error {
	var own *placed
	if errors.As(err, &own) {
		return fmt.Errorf("%s:%d: %s", file, own.line, own.what)
	}
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		_, around, _ := strings.Cut(yaml.FormatError(err, false, true), "\n") // its first line repeats the message
		return fmt.Errorf("%s:%d: %s\n%s", file, syntax.GetToken().Position.Line, syntax.GetMessage(), around)
	}
	return fmt.Errorf("%s: %w", file, err)
}
