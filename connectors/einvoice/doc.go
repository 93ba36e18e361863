// Package einvoice reads suppliers that send e-invoices (UBL 2.1, CIUS-RO) the
// way the national system does: a list of messages, each downloaded as a ZIP,
// and a balance call that says what is still owed. Bills tell what a debt is
// for; only the balance tells whether it is paid.
package einvoice
