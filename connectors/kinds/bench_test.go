package kinds_test

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"racord/connectors"
	"racord/connectors/kinds"
	"racord/hub"
)

// finesAnswer is a page of the fines register, 1.2 KB.
const finesAnswer = `{"person":{"cnp":"1850415120007","name":"MUREȘAN IOAN"},"debts":[` +
	`{"id":"PLNT-0123456","pv":{"series":"PLNT","number":"0123456","issued_on":"2026-03-10","communicated_on":"2026-03-12"},"kind":"parking","subject":"Parcare neregulamentară, CJ 49 BSR","applied_bani":40000,"paid_bani":0,"outstanding_bani":40000,"options":[{"kind":"reduced","amount_bani":15000,"legal_basis":"OG 2/2001 art. 28","until":"2026-03-27"},{"kind":"full","amount_bani":40000}],"account":{"iban":"RO08TREZ99921A350102XXXX","revenue_code":"35.01.02"},"status":"communicated"},` +
	`{"id":"PLNT-0123457","pv":{"series":"PLNT","number":"0123457","issued_on":"2026-02-23","communicated_on":"2026-02-24"},"kind":"cleanliness","subject":"Depozitare deșeuri, lângă Aleea Băița","applied_bani":73800,"paid_bani":0,"outstanding_bani":73800,"options":[{"kind":"full","amount_bani":73800}],"account":{"iban":"RO08TREZ99921A350102XXXX","revenue_code":"35.01.02"},"status":"final"}` +
	`],"next_cursor":null,"as_of":"2026-03-15T10:00:04+02:00"}`

var asked = hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: "1850415120007"}}

func finesManifest(t testing.TB) *connectors.Manifest {
	t.Helper()
	data, err := os.ReadFile("../../config/creditors/fines.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := kinds.All().Parse("fines.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func BenchmarkAPageThroughTheMapping(b *testing.B) {
	m, body, now := finesManifest(b), []byte(finesAnswer), time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		answer, err := connectors.ParseJSON(body)
		if err != nil {
			b.Fatal(err)
		}
		r := m.Reading(m.Calls["obligations"], asked, now)
		if err := r.Classify(200, answer.Root(), 0); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Page(answer.Root()); err != nil {
			b.Fatal(err)
		}
		answer.Release()
		if a := r.Answer(); len(a.Obligations) != 2 || len(a.Refused) != 0 {
			b.Fatalf("got %d obligations, %v refused", len(a.Obligations), a.Refused)
		}
	}
}

func BenchmarkParseJSON(b *testing.B) {
	body := []byte(finesAnswer)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		answer, err := connectors.ParseJSON(body)
		if err != nil {
			b.Fatal(err)
		}
		answer.Release()
	}
}

// BenchmarkAPageByHand is the yardstick: structs, encoding/json, a function.
func BenchmarkAPageByHand(b *testing.B) {
	body := []byte(finesAnswer)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var page handPage
		if err := json.Unmarshal(body, &page); err != nil {
			b.Fatal(err)
		}
		if len(page.obligations()) != 2 {
			b.Fatal("want 2 obligations")
		}
	}
}

type handPage struct {
	Person struct{ CNP, Name string } `json:"person"`
	Debts  []handDebt                 `json:"debts"`
	Next   *string                    `json:"next_cursor"`
	AsOf   time.Time                  `json:"as_of"`
}

type handDebt struct {
	ID string `json:"id"`
	PV struct {
		Series       string   `json:"series"`
		Number       string   `json:"number"`
		Issued       hub.Date `json:"issued_on"`
		Communicated string   `json:"communicated_on"`
	} `json:"pv"`
	Kind        string `json:"kind"`
	Subject     string `json:"subject"`
	Applied     int64  `json:"applied_bani"`
	Paid        int64  `json:"paid_bani"`
	Outstanding int64  `json:"outstanding_bani"`
	Options     []struct {
		Kind   string   `json:"kind"`
		Amount int64    `json:"amount_bani"`
		Basis  string   `json:"legal_basis"`
		Until  hub.Date `json:"until"`
	} `json:"options"`
	Account struct {
		IBAN    string `json:"iban"`
		Revenue string `json:"revenue_code"`
	} `json:"account"`
	Status string `json:"status"`
}

func (p *handPage) obligations() (all []hub.Obligation) {
	for _, d := range p.Debts {
		o := hub.Obligation{
			ID: hub.NewObligationID("fines", d.ID), ExternalID: d.ID, Kind: "fine." + d.Kind, Debtor: p.Person.Name,
			Subject:   &hub.Subject{Type: "offence", Label: d.Subject},
			Reference: &hub.Reference{PVSeries: d.PV.Series, PVNumber: d.PV.Number}, IssuedOn: d.PV.Issued,
			Total: hub.Bani(d.Outstanding + d.Paid), Paid: hub.Bani(d.Paid), Outstanding: hub.Bani(d.Outstanding),
			Status: hub.StatusOpen, HubState: hub.HubNone,
			Details: map[string]string{"applied": hub.Bani(d.Applied).String(), "communicated_on": d.PV.Communicated},
		}
		for _, option := range d.Options {
			o.Options = append(o.Options, hub.PaymentOption{
				ID: option.Kind, Kind: option.Kind, Amount: hub.Bani(option.Amount), LegalBasis: option.Basis, AvailableUntil: option.Until,
				Transfers: []hub.Transfer{{Seq: 1, AccountID: "fines", IBAN: d.Account.IBAN, RevenueCode: d.Account.Revenue, Amount: hub.Bani(option.Amount)}},
			})
		}
		all = append(all, o)
	}
	return all
}
