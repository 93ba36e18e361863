package config

import (
	"embed"
	"io/fs"
)

//go:embed creditors/*.yaml creditors/*.csv
var demo embed.FS

// DemoCreditors gives the manifests of the demo city, one file a creditor,
// and the lists of accounts that stand beside them.
func DemoCreditors() fs.FS {
	sub, err := fs.Sub(demo, "creditors")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
