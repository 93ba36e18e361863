// Package connectortest judges a connector by what it does. It opens it as in
// production, asks about test debtors, listens to everything that goes over the
// wire, and disturbs the wire on purpose: damaged answers, refusals, silence,
// somebody else's data. Every promise of hub.Connector is a clause that passed,
// failed or does not apply, with what to change.
//
// The suite reads only, unless the manifest allows test payments (test.paying):
// then it posts them at the test system, sends them twice, loses answers, and
// measures the class of the creditor's postings. It is the same in our own tests
// and in `racord check` against a company's own endpoint.
package connectortest
