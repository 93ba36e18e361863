// Package connectors is what the author of a connector imports. A kind (rest,
// soap, filedrop …) is declared once with Define; a creditor is a manifest, a
// YAML file that names a kind, describes calls and maps the creditor's fields to
// ours. From the one declaration come strict parsing with errors that name file,
// line and field, a JSON Schema, the reference page and the conformance test.
//
// A kind reaches the world only through its Env. Records of every protocol meet
// the mapping as a Value, and leave it as hub obligations or as refusals that
// say what was wrong and where.
package connectors
