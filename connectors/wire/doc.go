// Package wire is what kinds that speak HTTP share: credentials that are
// fetched when needed and never printed, OAuth 2.0 tokens that are renewed
// early and once, answers read within a limit, and failures of the network in
// the hub's words.
package wire
