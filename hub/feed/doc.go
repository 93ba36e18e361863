// Package feed turns nightly files and lists into published snapshots, and
// snapshots into answers. The Runner pulls what creditors deliver, stages it
// row by row, looks at it as a whole, and publishes it in one step or holds it
// for a person; a damaged delivery leaves what was published before. Serve lets
// a connector answer from what is published.
package feed
