package soap_test

import (
	"context"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/text/encoding/charmap"

	"racord/cmd/city/town"
	"racord/config"
	"racord/connectors"
	"racord/connectors/soap"
	"racord/hub"
)

var catalog = connectors.NewCatalog(soap.Kind)

// noon is a Sunday before the first due date of taxes.
var noon = time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)

const (
	ion = "1850415120007"
	ana = "2920229120001"
)

func person(cnp string) hub.Asked {
	return hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}}
}

func role(number string) hub.Asked {
	return hub.Asked{Account: hub.AccountRef{Creditor: "ditl", Code: number}}
}

// way is the way out of a test.
func way(t testing.TB, clock hub.Clock, secrets map[string]string) connectors.Env {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return connectors.Env{
		Read: client, Write: client, Clock: clock,
		Secret: func(_ context.Context, name string) (hub.Secret, error) {
			value, known := secrets[name]
			if !known {
				return hub.Secret{}, connectors.Failure(hub.CodeAuth, os.ErrNotExist)
			}
			return hub.NewSecret(value), nil
		},
	}
}

// open opens the tax office's manifest, read as in production and then changed.
func open(t testing.TB, env connectors.Env, base string, change ...string) *hub.Connector {
	t.Helper()
	text, err := fs.ReadFile(config.DemoCreditors(), "ditl.yaml")
	if err != nil {
		t.Fatal(err)
	}
	m, err := catalog.Parse("ditl.yaml", []byte(strings.NewReplacer(change...).Replace(string(text))))
	if err != nil {
		t.Fatal(err)
	}
	if m.Rebase("http://127.0.0.1:8090", base) == 0 {
		t.Fatal("the manifest does not point at the demo city")
	}
	c, err := catalog.Open(context.Background(), env, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// startTown starts a city and opens its tax office.
func startTown(t testing.TB, size string) (*town.Town, *hub.Connector) {
	t.Helper()
	city, err := town.Start(context.Background(), town.Config{Size: size, DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = city.Close() })
	return city, open(t, way(t, hub.ClockFunc(city.Now), city.Credentials()), city.URL())
}

// said is what a scripted office answers, and what it was asked.
type said struct {
	status  int
	kind    string // Content-Type
	body    []byte
	mu      sync.Mutex
	asked   []byte
	headers http.Header
}

// office is a tax office that always says the same.
func office(t testing.TB, s *said, change ...string) *hub.Connector {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.asked, s.headers = body, r.Header.Clone()
		s.mu.Unlock()
		w.Header().Set("Content-Type", s.kind)
		w.WriteHeader(s.status)
		_, _ = w.Write(s.body)
	}))
	t.Cleanup(server.Close)
	secrets := map[string]string{"ditl-user": "racord", "ditl-password": "p<&>\"ș"}
	return open(t, way(t, hub.ClockFunc(func() time.Time { return noon }), secrets), server.URL, change...)
}

const xml1250 = "text/xml; charset=windows-1250"

// debts is the inside of a good answer about ion: two instalments of a flat
// with a discount, and late additions of a car.
const debts = `<ListaDebiteResponse xmlns="urn:napoca-test:ditl:v3"><CodEroare>0</CodEroare><MesajEroare/>
 <Contribuabil><Rol>000123456</Rol><CNP>1850415120007</CNP><Nume>MUREŞAN IOAN                  </Nume><Adresa>STR. FÎNTÎNII 5</Adresa></Contribuabil>
 <Debite>
  <Debit><Id>2026-07-01-000123456-1</Id><CodVenit>07.01.01</CodVenit><Denumire>IMPOZIT CLĂDIRI PF</Denumire><An>2026</An><Rata>1</Rata><Scadenta>31.03.2026</Scadenta><Debit>1.257,50</Debit><Majorari>0,00</Majorari><Incasat>0,00</Incasat><Sold>1.257,50</Sold><IBAN>RO31TREZ99921A070101XXXX</IBAN><Rol>000123456</Rol><Obiect>Apartament Str. Fîntînii 5   </Obiect></Debit>
  <Debit><Id>2026-07-01-000123456-2</Id><CodVenit>07.01.01</CodVenit><Denumire>IMPOZIT CLĂDIRI PF</Denumire><An>2026</An><Rata>2</Rata><Scadenta>30.09.2026</Scadenta><Debit>1.257,50</Debit><Majorari>0,00</Majorari><Incasat>0,00</Incasat><Sold>1.257,50</Sold><IBAN>RO31TREZ99921A070101XXXX</IBAN><Rol>000123456</Rol><Obiect>Apartament Str. Fîntînii 5   </Obiect></Debit>
  <Debit><Id>2025-16-02-000123456-2</Id><CodVenit>16.02.01</CodVenit><Denumire>IMPOZIT MIJLOACE DE TRANSPORT</Denumire><An>2025</An><Rata>2</Rata><Scadenta>30.09.2025</Scadenta><Debit>47,50</Debit><Majorari>2,85</Majorari><Incasat>10,00</Incasat><Sold>40,35</Sold><IBAN>RO85TREZ99921A160202XXXX</IBAN><Rol>000123456</Rol><Obiect>Autoturism CJ 12 ABC</Obiect></Debit>
  <BonificatieAnIntegral Rol="000123456" CodVenit="07.01.01" An="2026" Procent="10,00" Suma="251,50" PanaLa="31.03.2026"/>
 </Debite><DataCalcul>15.03.2026 11:58:09</DataCalcul></ListaDebiteResponse>`

// envelope frames a body and claims an encoding.
func envelope(encoding, body string) string {
	return `<?xml version="1.0" encoding="` + encoding + `"?>` + "\n" +
		`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>` + body + `</soap:Body></soap:Envelope>` + "\n"
}

// in1250 encodes a text, which has cedillas, as the office does.
func in1250(t testing.TB, text string) []byte {
	t.Helper()
	b, err := charmap.Windows1250.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ask(t testing.TB, c *hub.Connector, who hub.Asked) (hub.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return c.Source.Obligations(ctx, who)
}
