// Package chain keeps the journal from being rewritten unseen. Every booking gets
// a place in a chain of hashes behind the change that wrote it, and the end of the
// chain is signed again and again; each signature is also told to somebody outside
// the database. Check finds what was changed, dropped or cut off since. Who puts a
// booking in gets it chained like any other: the invariants of money find that one.
package chain
