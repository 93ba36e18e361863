// Package kinds is the one list of connector kinds the hub knows.
package kinds

import (
	"racord/connectors"
	"racord/connectors/einvoice"
	"racord/connectors/filedrop"
	"racord/connectors/grpc"
	"racord/connectors/native"
	"racord/connectors/push"
	"racord/connectors/rest"
	"racord/connectors/soap"
	"racord/connectors/sqlview"
)

// All gives the catalog of every kind.
func All() connectors.Catalog {
	return connectors.NewCatalog(
		einvoice.Kind,
		filedrop.Kind,
		grpc.Kind,
		native.Kind,
		push.Kind,
		rest.Kind,
		soap.Kind,
		sqlview.Kind,
	)
}
