package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
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
	return &placed{node.GetToken().Position.Line, fmt.Sprintf("%q %s", text(node), what)}
}

// located puts "file:line:" before a mistake.
func located(file string, err error) error {
	var own *placed
	if errors.As(err, &own) {
		return fmt.Errorf("%s:%d: %s", file, own.line, own.what)
	}
	var syntax yaml.Error
	if errors.As(err, &syntax) && syntax.GetToken() != nil {
		return fmt.Errorf("%s:%d: %s\n%s", file, syntax.GetToken().Position.Line, syntax.GetMessage(), yaml.FormatError(err, false, true))
	}
	return fmt.Errorf("%s: %w", file, err)
}
