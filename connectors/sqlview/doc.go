// Package sqlview reads creditors that open a view of their database: one
// query, made from the manifest, with the account as its only parameter. It
// speaks to PostgreSQL, and to SQLite files in the operator's own manifests. No
// more connections are open than calls are under way, unless the manifest keeps
// some.
package sqlview
