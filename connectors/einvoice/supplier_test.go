package einvoice_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// invoice writes a bill of 121.00 lei as UBL; each change is an old text and a
// new one.
func invoice(number string, change ...string) string {
	text := `<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:efactura.mfinante.ro:CIUS-RO:1.0.1</cbc:CustomizationID>
<cbc:ID>` + number + `</cbc:ID>
<cbc:IssueDate>2026-03-05</cbc:IssueDate><cbc:DueDate>2026-03-20</cbc:DueDate>
<cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode><cbc:DocumentCurrencyCode>RON</cbc:DocumentCurrencyCode>
<cac:InvoicePeriod><cbc:StartDate>2026-02-01</cbc:StartDate><cbc:EndDate>2026-02-28</cbc:EndDate></cac:InvoicePeriod>
<cac:AccountingSupplierParty><cac:Party>
 <cac:PartyTaxScheme><cbc:CompanyID>RO9980000019</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>
 <cac:PartyLegalEntity><cbc:RegistrationName>Lumina</cbc:RegistrationName><cbc:CompanyID>J12/1/2001</cbc:CompanyID></cac:PartyLegalEntity>
</cac:Party></cac:AccountingSupplierParty>
<cac:AccountingCustomerParty><cac:Party>
 <cac:PartyIdentification><cbc:ID>1000003517</cbc:ID></cac:PartyIdentification>
 <cac:PartyLegalEntity><cbc:RegistrationName>Mureșan &amp; Fiii</cbc:RegistrationName><cbc:CompanyID>1850415120007</cbc:CompanyID></cac:PartyLegalEntity>
</cac:Party></cac:AccountingCustomerParty>
<cac:PaymentMeans><cbc:PaymentMeansCode>42</cbc:PaymentMeansCode><cbc:PaymentID>REF-1</cbc:PaymentID>
 <cac:PayeeFinancialAccount><cbc:ID>RO12 SBXB 0000 9999 0000 0002</cbc:ID></cac:PayeeFinancialAccount></cac:PaymentMeans>
<cac:TaxTotal><cbc:TaxAmount currencyID="RON">21.00</cbc:TaxAmount>
 <cac:TaxSubtotal><cbc:TaxableAmount currencyID="RON">100.00</cbc:TaxableAmount><cbc:TaxAmount currencyID="RON">21.00</cbc:TaxAmount></cac:TaxSubtotal></cac:TaxTotal>
<cac:LegalMonetaryTotal>
 <cbc:LineExtensionAmount currencyID="RON">100.00</cbc:LineExtensionAmount>
 <cbc:TaxExclusiveAmount currencyID="RON">100.00</cbc:TaxExclusiveAmount>
 <cbc:TaxInclusiveAmount currencyID="RON">121.00</cbc:TaxInclusiveAmount>
 <cbc:PayableAmount currencyID="RON">121.00</cbc:PayableAmount>
</cac:LegalMonetaryTotal>
<cac:InvoiceLine><cbc:ID>1</cbc:ID><cbc:LineExtensionAmount currencyID="RON">100.00</cbc:LineExtensionAmount>
 <cac:Item><cbc:Name>Energie electrică</cbc:Name>
  <cac:AdditionalItemProperty><cbc:Name>Contor</cbc:Name><cbc:Value>77</cbc:Value></cac:AdditionalItemProperty>
  <cac:AdditionalItemProperty><cbc:Name>POD</cbc:Name><cbc:Value>RO005E500000000</cbc:Value></cac:AdditionalItemProperty>
 </cac:Item></cac:InvoiceLine>
</Invoice>
`
	return strings.NewReplacer(change...).Replace(text)
}

const signature = `<?xml version="1.0"?><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>`

// file is one entry of an archive.
type file struct{ name, content string }

func archive(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		entry, err := w.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// usual is an archive as the national system sends it.
func usual(t testing.TB, number string, change ...string) []byte {
	return archive(t, file{number + ".xml", invoice(number, change...)}, file{"semnatura_" + number + ".xml", signature})
}

// supplier is an electricity company that can be made to misbehave.
type supplier struct {
	*httptest.Server
	mu       sync.Mutex
	messages map[string][]byte
	order    []string
	down     map[string]int              // index → status
	instead  map[string]http.HandlerFunc // index → what answers in its place
	inflight int
	most     int
	balance  string
	slow     time.Duration
	lists    int
}

func newSupplier(t testing.TB) *supplier {
	t.Helper()
	s := &supplier{messages: map[string][]byte{}, down: map[string]int{}, instead: map[string]http.HandlerFunc{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /electricity/oauth/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"t","token_type":"Bearer","expires_in":300}`))
	})
	mux.HandleFunc("GET /electricity/api/messages", s.list)
	mux.HandleFunc("GET /electricity/api/download/{index}", s.download)
	mux.HandleFunc("POST /electricity/api/balance", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(s.balance))
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *supplier) send(index string, archive []byte) {
	s.messages[index] = archive
	s.order = append(s.order, index)
}

func (s *supplier) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists++
	limit := 500
	_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	from := 0
	if after := r.URL.Query().Get("after"); after != "" {
		from = slices.Index(s.order, after) + 1
	}
	rest := s.order[from:]
	page := rest[:min(limit, len(rest))]
	var out struct {
		Messages []map[string]any `json:"messages"`
		More     bool             `json:"more"`
	}
	out.Messages, out.More = []map[string]any{}, len(page) < len(rest)
	for _, index := range page {
		out.Messages = append(out.Messages, map[string]any{"index": index, "created": "2026-03-06T06:00:00+02:00", "size": 8123})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out)
}

// fails makes the download of a message answer with a status.
func (s *supplier) fails(index string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[index] = status
}

// recovers makes every download work.
func (s *supplier) recovers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.down)
	clear(s.instead)
}

func (s *supplier) download(w http.ResponseWriter, r *http.Request) {
	index := r.PathValue("index")
	s.mu.Lock()
	s.inflight++
	s.most = max(s.most, s.inflight)
	status, body, instead := s.down[index], s.messages[index], s.instead[index]
	s.mu.Unlock()
	time.Sleep(s.slow)
	s.mu.Lock()
	s.inflight--
	s.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	if instead != nil {
		instead(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	_, _ = w.Write(body)
}

var secrets = map[string]string{"electricity-client-id": "id", "electricity-client-secret": "secret"}
