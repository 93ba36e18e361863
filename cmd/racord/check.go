package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"racord/connectors/kinds"
)

type checkCommand struct {
	Manifest string `arg:"" help:"The creditor's manifest (YAML)." type:"existingfile"`
	Secrets  string `help:"Directory of secrets: <creditor>/<name>." default:"secrets" type:"path"`
}

// Run parses the manifest, opens its connector and runs the suite.
func (c *checkCommand) Run(ctx context.Context, to streams) error {
	data, err := os.ReadFile(c.Manifest)
	if err != nil {
		return err
	}
	m, err := kinds.All().Parse(filepath.Base(c.Manifest), data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(to.out, m.Creditor.Name)
	return err
}
