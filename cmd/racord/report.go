package main

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"racord/connectors/connectortest"
	"racord/hub"
)

// reportsKey is the purpose of the key that signs reports of conformance.
const reportsKey = "reports"

// reportFiles are where check leaves its report besides the table.
type reportFiles struct {
	Report string `help:"File for the report as JSON, signed when --sign is given." type:"path"`
	HTML   string `help:"File for the report as a page for a browser, complete in itself." name:"html" type:"path"`
	Sign   string `help:"Data directory of the hub whose key signs the report; with --demo, the demo's." type:"existingdir"`
}

// write writes the files that were named.
func (f reportFiles) write(report connectortest.Report, to streams) error {
	if f.Report != "" {
		if err := f.json(report, to); err != nil {
			return err
		}
	}
	if f.HTML != "" {
		return toFile(f.HTML, report.Page)
	}
	return nil
}

func (f reportFiles) json(report connectortest.Report, to streams) error {
	key, err := f.key()
	if err != nil {
		return err
	}
	signed, err := report.Sign(key)
	if err != nil {
		return err
	}
	if key != nil {
		fmt.Fprintf(to.log, "signed by the key %s\n", hub.KeyID(key.Public().(ed25519.PublicKey)))
	}
	return toFile(f.Report, func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(signed)
	})
}

// key is nil where no hub was named.
func (f reportFiles) key() (ed25519.PrivateKey, error) {
	if f.Sign == "" {
		return nil, nil
	}
	master, err := readMasterKey(f.Sign)
	if err != nil {
		return nil, err // a hub that never ran signs nothing
	}
	return hub.SigningKey(master, reportsKey)
}

// toFile writes a file whole.
func toFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	return write(file)
}
