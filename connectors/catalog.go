package connectors

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"racord/hub"
)

// Catalog is a list of kinds: what manifests may name.
type Catalog struct{ kinds []Kind }

// NewCatalog makes a catalog. Two kinds of one name are a mistake of the
// program, and panic.
func NewCatalog(kinds ...Kind) Catalog {
	for i, k := range kinds {
		if slices.ContainsFunc(kinds[:i], func(o Kind) bool { return o.name == k.name }) {
			panic("connectors: two kinds are called " + k.name)
		}
	}
	return Catalog{kinds}
}

// Kind finds a kind by name.
func (c Catalog) Kind(name string) (Kind, bool) {
	i := slices.IndexFunc(c.kinds, func(k Kind) bool { return k.name == name })
	if i < 0 {
		return Kind{}, false
	}
	return c.kinds[i], true
}

// Names lists the kinds.
func (c Catalog) Names() []string {
	names := make([]string, len(c.kinds))
	for i, k := range c.kinds {
		names[i] = k.name
	}
	return names
}

// Parse reads a manifest strictly. Its error is Problems: everything that was
// found, each with file, line, field, what is wrong and what is allowed. A file
// that the manifest names is asked of beside.
func (c Catalog) Parse(file string, data []byte, beside ...Beside) (*Manifest, error) {
	in := inspect(file)
	for _, b := range beside {
		in.beside = b
	}
	m := c.parse(in, data)
	if err := in.err(); err != nil {
		return nil, err
	}
	return m, nil
}

// Open makes the connector of a manifest. It does not dial. It fails with
// CodeUnsupported when the environment does not allow what the manifest needs.
func (c Catalog) Open(ctx context.Context, env Env, m *Manifest) (*hub.Connector, error) {
	kind, ok := c.Kind(m.Kind)
	if !ok {
		return nil, hub.Errorf(hub.CodeUnsupported, "no kind is called %q", m.Kind)
	}
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	connector, err := kind.open(ctx, env, m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.File, err)
	}
	return connector, nil
}

// Connector starts a connector of the manifest: creditor and traits, no parts.
func (m *Manifest) Connector() *hub.Connector {
	return &hub.Connector{Creditor: m.Creditor, Traits: m.Traits}
}
