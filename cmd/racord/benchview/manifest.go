package main

import "fmt"

// manifest describes a mock creditor to the hub: name, title, account and
// address. Its mapping gives the same obligations as the yardstick's. Answers
// stay fresh for the length of a benchmark; concurrency and rate are far above
// what the load asks.
const manifest = `kind: rest
creditor: %[1]s
name: %[2]s
category: fines
accounts:
  - id: %[3]s
    iban: %[4]s
    beneficiary: Municipiul Napoca-Test
    revenue_code: "35.01.02"
traits:
  fetch: [by_party]
  identifiers: [ro:cnp]
  max_inflight: 512
  rps: 10000
  timeout: 1s
  freshness:
    ttl: 24h
    stale_while_revalidate: 24h
    stale_if_error: 48h
settings:
  base_url: http://%[5]s
  auth:
    type: api_key
    header: X-Api-Key
    secret: %[1]s-key
calls:
  obligations:
    read: true
    request:
      method: POST
      path: %[6]s
      body:
        cnp: "{{ cnp }}"
    subject:
      party: person.cnp
    as_of: as_of | datetime_iso
    items: debts
    map:
      external_id: id
      kind:
        path: kind
        table:
          parking: fine.parking
      outstanding: outstanding_bani | bani
      total: applied_bani | bani
      paid: paid_bani | bani
      subject:
        type: ="vehicle"
        label: subject
      reference:
        pv_series: pv.series
        pv_number: pv.number
      issued_on: pv.issued_on | date_iso
      status: status
      iban: account.iban
      revenue_code: account.revenue_code
      options:
        - each: options
          kind: kind
          amount: amount_bani | bani
          legal_basis: legal_basis
          available_until: until | date_iso
`

// apiKey is the credential of all mock creditors, which do not look at it.
const apiKey = "key-of-a-mock-creditor"

// manifestOf describes one mock creditor.
func manifestOf(name, address string) string {
	return fmt.Sprintf(manifest, name, titleOf(name), accountID, iban, address, debtsPath)
}
