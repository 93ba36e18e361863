package config

import (
	"embed"
	"io/fs"
)

//go:embed creditors/*.yaml
var demo embed.FS

// DemoCreditors gives the manifests of the demo city, one file a creditor.
func DemoCreditors() fs.FS {
	sub, err := fs.Sub(demo, "creditors")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}
