package einvoice_test

import (
	"strings"
	"testing"

	"racord/connectors/einvoice"
)

// FuzzArchive reads archives that may hold anything.
func FuzzArchive(f *testing.F) {
	f.Add(usual(f, "EL 1"))
	f.Add(archive(f, file{"a", "b"}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		if problem := einvoice.CheckArchive(content); problem != "" {
			t.Fatal(problem)
		}
	})
}

// FuzzBill reads documents that may say anything.
func FuzzBill(f *testing.F) {
	f.Add(invoice("EL 1"))
	f.Add(invoice("EL 1", "121.00", "-121.00", "<cbc:DueDate>2026-03-20</cbc:DueDate>", ""))
	f.Add(invoice("EL 1", "<Invoice ", "<CreditNote ", "</Invoice>", "</CreditNote>", "Invoice-2", "CreditNote-2"))
	f.Add(invoice("EL 1", ">100.00<", ">92233720368547758.07<"))
	f.Add(`<?xml version="1.0"?><!DOCTYPE x><x/>`)
	f.Add(signature)
	f.Add("")
	f.Fuzz(func(t *testing.T, document string) {
		if problem := einvoice.CheckDocument([]byte(document)); problem != "" {
			t.Fatal(problem)
		}
	})
}
