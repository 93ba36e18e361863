// Package hub is the vocabulary of Racord and the ports its parts meet at. It
// imports only the standard library and nothing of the project: adapters and
// connectors import it, use cases are built on it, and cmd ties them together.
// Start reading here: money and dates, errors, parties, obligations, connectors,
// pages, payments, then the ports of the store.
//
// The use cases know nothing of each other. For citizens: view (what do I owe),
// link (which accounts are mine), pay (one payment for many debts). For creditors:
// feed (deliveries that are fetched), push (those that are sent), onboard (a
// connector on its way to the citizens), roster (which connectors are on duty),
// vault (their secrets). For operators: reconcile (our books beside everybody
// else's) and judge (what was lost or taken twice).
package hub
