// Package kinds is the one list of connector kinds the hub knows.
package kinds

import (
	"racord/connectors"
	"racord/connectors/filedrop"
	"racord/connectors/rest"
)

// All gives the catalog of every kind.
func All() connectors.Catalog {
	return connectors.NewCatalog(
		filedrop.Kind,
		rest.Kind,
	)
}
