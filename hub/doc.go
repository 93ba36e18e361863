// Package hub is the vocabulary of Racord and the ports its parts meet at. It
// imports only the standard library and nothing of the project: adapters and
// connectors import it, use cases (hub/view, hub/link, hub/feed) are built on
// it, and cmd ties them together. Start reading here: money and dates, errors,
// parties, obligations, connectors, pages, then the ports of the store.
package hub
