package einvoice_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"racord/connectors"
	"racord/connectors/einvoice"
	"racord/hub"
)

// taken is what batches brought, in order.
type taken struct {
	records []hub.Record
	refused []hub.QualityEvent
	whose   string // account/number of the last refusal
	next    hub.Cursor
	err     error
}

// take pulls one batch and reads it to its end.
func take(t testing.TB, ctx context.Context, c *hub.Connector, since hub.Cursor) (out taken) {
	t.Helper()
	batch, err := c.Feed.Pull(ctx, since)
	if err != nil {
		return taken{err: err}
	}
	defer func() { _ = batch.Close() }()
	for r, err := range batch.Records() {
		switch {
		case err != nil:
			out.err = err
			return out
		case r.Refused != nil:
			out.refused = append(out.refused, *r.Refused)
			out.whose = r.Account + "/" + r.Obligation.ExternalID
		default:
			out.records = append(out.records, r)
		}
	}
	out.next = batch.Next()
	return out
}

// only takes the one message of a supplier.
func only(t testing.TB, archive []byte) taken {
	t.Helper()
	s := newSupplier(t)
	s.send("1", archive)
	return take(t, context.Background(), open(t, newCaller(t, secrets).env, manifest(t, s.URL)), "")
}

func TestABillBecomesADebt(t *testing.T) {
	got := only(t, usual(t, "EL 1"))
	if got.err != nil || len(got.records) != 1 {
		t.Fatalf("got %d records, %v, %v", len(got.records), got.refused, got.err)
	}
	want := hub.Record{Account: "1000003517", Obligation: hub.Obligation{
		ID: hub.NewObligationID("electricity", "EL 1"), ExternalID: "EL 1", Kind: "electricity.bill", Account: "1000003517",
		Debtor: "Mureșan & Fiii", Subject: &hub.Subject{Type: "meter", Label: "Energie electrică", Ref: "RO005E500000000"},
		Reference: &hub.Reference{Invoice: "EL 1", PaymentRef: "REF-1"},
		Period:    &hub.Period{From: "2026-02-01", To: "2026-02-28"}, IssuedOn: "2026-03-05",
		Components: []hub.Component{{Type: "principal", Amount: hub.Bani(10_000)}, {Type: "vat", Amount: hub.Bani(2_100)}},
		Total:      hub.Bani(12_100), Paid: hub.Bani(0), Outstanding: hub.Bani(12_100),
		Installments: []hub.Installment{{No: 1, DueOn: "2026-03-20", Amount: hub.Bani(12_100), Outstanding: hub.Bani(12_100)}},
		Options: []hub.PaymentOption{{ID: "full", Kind: "full", Amount: hub.Bani(12_100), Transfers: []hub.Transfer{
			{Seq: 1, AccountID: "main", IBAN: "RO12SBXB0000999900000002", Amount: hub.Bani(12_100)},
		}}},
		Status: hub.StatusOpen, HubState: hub.HubNone,
	}}
	if d := cmp.Diff(want, got.records[0]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestWhatBillsLookLike(t *testing.T) {
	negative := []string{">121.00<", ">-121.00<", ">100.00<", ">-100.00<", ">21.00<", ">-21.00<"}
	note := []string{"<Invoice ", "<CreditNote ", "</Invoice>", "</CreditNote>", "ubl:schema:xsd:Invoice-2", "ubl:schema:xsd:CreditNote-2",
		"InvoiceTypeCode>380</cbc:InvoiceTypeCode", "CreditNoteTypeCode>381</cbc:CreditNoteTypeCode", "cac:InvoiceLine", "cac:CreditNoteLine"}
	cancels := []string{"<cac:InvoicePeriod>", "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>EL 0</cbc:ID></cac:InvoiceDocumentReference></cac:BillingReference><cac:InvoicePeriod>"}
	terms := func(text string) []string {
		return []string{"<cbc:DueDate>2026-03-20</cbc:DueDate>", "", "<cac:TaxTotal>", "<cac:PaymentTerms><cbc:Note>" + text + "</cbc:Note></cac:PaymentTerms><cac:TaxTotal>"}
	}
	for name, tc := range map[string]struct {
		change   []string
		bani     int64
		due      hub.Date
		replaces string
		quality  string
	}{
		"as usual":                        {nil, 12_100, "2026-03-20", "", ""},
		"a storno as a negative 380":      {append(negative, cancels...), -12_100, "2026-03-20", "EL 0", ""},
		"a credit note":                   {note, -12_100, "2026-03-20", "", ""},
		"VAT rounded a ban too far":       {[]string{">121.00<", ">121.01<"}, 12_101, "2026-03-20", "", ""},
		"rounded to whole lei":            {[]string{`<cbc:PayableAmount currencyID="RON">121.00`, `<cbc:PayableRoundingAmount currencyID="RON">-1.00</cbc:PayableRoundingAmount><cbc:PayableAmount currencyID="RON">120.00`}, 12_000, "2026-03-20", "", ""},
		"a part was paid before":          {[]string{`<cbc:PayableAmount currencyID="RON">121.00`, `<cbc:PrepaidAmount currencyID="RON">21.00</cbc:PrepaidAmount><cbc:PayableAmount currencyID="RON">100.00`}, 10_000, "2026-03-20", "", ""},
		"a due date in the terms":         {terms("Termen de plată: 22.03.2026"), 12_100, "2026-03-22", "", "due_date_from_terms"},
		"a due date in the terms, ISO":    {terms("scadent la 2026-03-23"), 12_100, "2026-03-23", "", "due_date_from_terms"},
		"days after the issue":            {terms("Plata în 30 de zile de la emitere"), 12_100, "2026-04-04", "", "due_date_from_terms"},
		"a due date of payment":           {[]string{"<cbc:DueDate>2026-03-20</cbc:DueDate>", "", "<cbc:PaymentID>", "<cbc:PaymentDueDate>2026-03-25</cbc:PaymentDueDate><cbc:PaymentID>"}, 12_100, "2026-03-25", "", ""},
		"no due date at all":              {terms("conform contractului"), 12_100, "", "", "due_date_missing"},
		"an IBAN that nobody approved":    {[]string{"RO12 SBXB 0000 9999 0000 0002", "RO39SBXB0000999900000001"}, 12_100, "2026-03-20", "", "iban_not_approved"},
		"other prefixes for the same":     {[]string{"cbc:", "b:", "cac:", "a:", "xmlns:cbc", "xmlns:b", "xmlns:cac", "xmlns:a"}, 12_100, "2026-03-20", "", ""},
		"the tax number without RO":       {[]string{"RO9980000019", "9980000019"}, 12_100, "2026-03-20", "", ""},
		"a second tax total, in euro":     {[]string{"<cac:TaxTotal>", `<cac:TaxTotal><cbc:TaxAmount currencyID="EUR">4.20</cbc:TaxAmount></cac:TaxTotal><cac:TaxTotal>`}, 12_100, "2026-03-20", "", ""},
		"an ID of something else earlier": {[]string{"<cac:InvoicePeriod>", "<cac:OrderReference><cbc:ID>X</cbc:ID></cac:OrderReference><cac:InvoicePeriod>"}, 12_100, "2026-03-20", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := only(t, usual(t, "EL 1", tc.change...))
			if got.err != nil || len(got.records) != 1 {
				t.Fatalf("got %d records, %+v, %v", len(got.records), got.refused, got.err)
			}
			o, due := got.records[0].Obligation, hub.Date("")
			if len(o.Installments) > 0 {
				due = o.Installments[0].DueOn
			}
			if o.ExternalID != "EL 1" || o.Outstanding != hub.Bani(tc.bani) || due != tc.due || strings.Join(o.Replaces, ",") != tc.replaces {
				t.Errorf("got %s %v due %q replaces %q, want EL 1 %v %q %q", o.ExternalID, o.Outstanding, due, o.Replaces, hub.Bani(tc.bani), tc.due, tc.replaces)
			}
			codes := []string{}
			for _, q := range o.Quality {
				codes = append(codes, q.Code)
			}
			if got := strings.Join(codes, ","); got != tc.quality {
				t.Errorf("got quality %q, want %q", got, tc.quality)
			}
		})
	}
}

// What cannot be trusted is refused alone, with the message's index and a code.
func TestMessagesThatAreRefused(t *testing.T) {
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	for name, tc := range map[string]struct {
		archive []byte
		code    string
		detail  string
	}{
		"another company's bill":       {usual(t, "EL 1", "RO9980000019", "RO9980000027"), "wrong_supplier", ""},
		"no customer":                  {usual(t, "EL 1", "1000003517", " "), "missing_field", ""},
		"no number":                    {usual(t, ""), "missing_field", ""},
		"in euro":                      {usual(t, "EL 1", `currencyID="RON">121.00`, `currencyID="EUR">121.00`), "foreign_currency", ""},
		"not an amount":                {usual(t, "EL 1", `PayableAmount currencyID="RON">121.00`, `PayableAmount currencyID="RON">1e5`), "bad_amount", ""},
		"more than there is money":     {usual(t, "EL 1", ">100.00<", ">92233720368547758.07<"), "bad_amount", "larger than any bill"},
		"no amount before VAT":         {usual(t, "EL 1", "TaxExclusiveAmount", "TaxExclusivAmount"), "bad_amount", ""},
		"parts that do not add up":     {usual(t, "EL 1", `PayableAmount currencyID="RON">121.00`, `PayableAmount currencyID="RON">112.00`), "bad_total", ""},
		"VAT two bani too far":         {usual(t, "EL 1", `TaxInclusiveAmount currencyID="RON">121.00`, `TaxInclusiveAmount currencyID="RON">121.02`), "bad_total", ""},
		"half an archive":              {usual(t, "EL 1")[:400], "bad_message", "The archive cannot be opened."},
		"an empty archive":             {archive(t), "bad_message", "The archive holds no invoice."},
		"a signature alone":            {archive(t, file{"1.xml", signature}), "bad_message", "The archive holds no invoice."},
		"two invoices":                 {archive(t, file{"1.xml", invoice("EL 1")}, file{"2.xml", invoice("EL 2")}), "bad_message", "more than one invoice"},
		"too many files":               {archive(t, make([]file, 17)...), "bad_message", "more than 16 files"},
		"cut off":                      {archive(t, file{"1.xml", invoice("EL 1")[:900]}), "bad_message", "not well-formed"},
		"a document type":              {usual(t, "EL 1", "<Invoice ", `<!DOCTYPE x [<!ENTITY e "e">]><Invoice `), "bad_message", "declares a document type"},
		"an entity":                    {usual(t, "EL 1", "&amp;", "&e;"), "bad_message", "not well-formed"},
		"nested too deep":              {usual(t, "EL 1", "<cac:InvoicePeriod>", deep+"<cac:InvoicePeriod>"), "bad_message", "nested too deep"},
		"a second root":                {usual(t, "EL 1", "</Invoice>", "</Invoice><Invoice/>"), "bad_message", "second root"},
		"a text without end":           {usual(t, "EL 1", "REF-1", strings.Repeat("R", 1200)), "bad_message", "a text that is too long"},
		"a bomb":                       {archive(t, file{"1.xml", invoice("EL 1") + strings.Repeat(" ", 6<<20)}), "bad_message", "larger than an invoice can be"},
		"a small bomb":                 {archive(t, file{"1.xml", invoice("EL 1") + strings.Repeat(" ", 3<<20)}), "bad_message", "larger than an invoice can be"},
		"many small bombs":             {archive(t, bombs(16)...), "bad_message", "larger than an invoice can be"},
		"a code page that is not said": {usual(t, "EL 1", `encoding="UTF-8"`, `encoding="utf-7"`), "bad_message", "not well-formed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := only(t, tc.archive)
			if got.err != nil || len(got.refused) != 1 {
				t.Fatalf("got %d records, %d refused, %v, want one refused", len(got.records), len(got.refused), got.err)
			}
			e := got.refused[0]
			if e.Code != tc.code || !strings.HasPrefix(e.Field, "message 1") || !strings.Contains(e.Detail, tc.detail) {
				t.Errorf("got %+v, want %s at message 1 with %q", e, tc.code, tc.detail)
			}
			if want := whose(e.Code, name); got.whose != want {
				t.Errorf("got a refusal of %q, want of %q", got.whose, want)
			}
			if strings.Contains(fmt.Sprint(e), "1850415120007") {
				t.Errorf("the refusal repeats a personal code: %+v", e)
			}
		})
	}
}

// whose is the account and the number of a message that is refused, as far as
// they can be read.
func whose(code, name string) string {
	switch {
	case code == "bad_message":
		return "/"
	case name == "no customer":
		return "/EL 1"
	case name == "no number":
		return "1000003517/"
	default:
		return "1000003517/EL 1"
	}
}

// A bomb costs no more memory than an invoice may take.
func TestABombIsNotUnpacked(t *testing.T) {
	bomb := archive(t, file{"1.xml", strings.Repeat(" ", 64<<20)})
	least := uint64(math.MaxUint64) // of several: pools may be empty
	for range 5 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if got := only(t, bomb); got.err != nil || len(got.refused) != 1 {
			t.Fatalf("got %d refused, %v, want 1", len(got.refused), got.err)
		}
		runtime.ReadMemStats(&after)
		least = min(least, (after.TotalAlloc-before.TotalAlloc)>>20)
	}
	if least > 24 {
		t.Errorf("got %d MB allocated for a bomb of 64 MB, want at most 24", least)
	}
}

func bombs(n int) (files []file) {
	for range n {
		files = append(files, file{"x", strings.Repeat(" ", 1<<20)})
	}
	return files
}

func TestTheInvoiceIsFoundWhereverItStands(t *testing.T) {
	for name, files := range map[string][]file{
		"first":                     {{"1.xml", invoice("EL 1")}, {"semnatura_1.xml", signature}},
		"last":                      {{"semnatura_1.xml", signature}, {"1.xml", invoice("EL 1")}},
		"under the other's name":    {{"semnatura_1.xml", invoice("EL 1")}, {"1.xml", signature}},
		"beside a picture":          {{"1.pdf", "%PDF-1.7 <<>>"}, {"dir/", ""}, {"dir/1.xml", invoice("EL 1")}},
		"with a byte order mark":    {{"1.xml", "\ufeff" + invoice("EL 1")}},
		"with letters beyond ASCII": {{"factură.xml", invoice("EL 1")}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := only(t, archive(t, files...)); got.err != nil || len(got.records) != 1 {
				t.Errorf("got %d records, %+v, %v, want one", len(got.records), got.refused, got.err)
			}
		})
	}
}

func TestMessagesAreTakenInOrderAndOnce(t *testing.T) {
	s := newSupplier(t)
	for i := range 7 {
		s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
	}
	c := open(t, newCaller(t, secrets).env, manifest(t, s.URL, "property: POD", "property: POD\n  page: 2\n  batch: 5"))
	first := take(t, context.Background(), c, "")
	if len(first.records) != 5 || first.next != "104" {
		t.Fatalf("got %d records up to %s, %v, want 5 up to 104", len(first.records), first.next, first.err)
	}
	for i, r := range first.records {
		if want := fmt.Sprint("EL ", i); r.Obligation.ExternalID != want {
			t.Errorf("record %d: got %s, want %s", i, r.Obligation.ExternalID, want)
		}
	}
	if second := take(t, context.Background(), c, first.next); len(second.records) != 2 || second.next != "106" {
		t.Errorf("got %d records up to %s, want 2 up to 106", len(second.records), second.next)
	}
	if third := take(t, context.Background(), c, "106"); hub.CodeOf(third.err) != hub.CodeNotFound {
		t.Errorf("got %v, want not_found", third.err)
	}
}

func TestASupplierThatFailsInTheMiddle(t *testing.T) {
	for name, tc := range map[string]struct {
		index  string
		status int
		read   int // messages that count before it
		want   hub.Code
	}{
		"in the third message": {"102", 503, 2, ""},
		"in the first":         {"100", 503, 0, hub.CodeUnavailable},
		"with our credentials": {"100", 403, 0, hub.CodeAuth},
		"too many requests":    {"101", 429, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSupplier(t)
			for i := range 5 {
				s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
			}
			s.fails(tc.index, tc.status)
			c := open(t, newCaller(t, secrets).env, manifest(t, s.URL))
			got := take(t, context.Background(), c, "")
			if len(got.records) != tc.read || hub.CodeOf(got.err) != tc.want {
				t.Fatalf("got %d records, %v, want %d and %q", len(got.records), got.err, tc.read, tc.want)
			}
			s.recovers()
			if rest := take(t, context.Background(), c, got.next); len(rest.records) != 5-tc.read {
				t.Errorf("after it is well: got %d records, %v, want %d", len(rest.records), rest.err, 5-tc.read)
			}
		})
	}
}

func TestAMessageThatIsGoneDoesNotStopTheRest(t *testing.T) {
	s := newSupplier(t)
	for i := range 3 {
		s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
	}
	s.fails("101", 404)
	got := take(t, context.Background(), open(t, newCaller(t, secrets).env, manifest(t, s.URL)), "")
	if got.err != nil || len(got.records) != 2 || len(got.refused) != 1 || got.refused[0].Field != "message 101" {
		t.Errorf("got %d records, %+v, %v, want 2 and message 101 refused", len(got.records), got.refused, got.err)
	}
}

// say answers with a page or a document instead of an archive.
func say(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Location", "/login")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// once answers one time only; after that the archive is there.
func (s *supplier) once(index string, answer http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		delete(s.instead, index)
		s.mu.Unlock()
		answer(w, r)
	}
}

// What is no archive may come from a supplier that is not well, or be all that a
// message will ever be: no bill is lost to the first, and no other waits for the
// second.
func TestDownloadsThatBringNoArchive(t *testing.T) {
	for what, answer := range map[string]http.HandlerFunc{
		"a login page":             say(200, "text/html; charset=utf-8", "<html><form action=/login></form></html>"),
		"a login page, called ZIP": say(200, "application/zip", "<html><form action=/login></form></html>"),
		"a redirect to a login":    say(302, "text/plain", ""),
		"a bad request":            say(400, "text/plain", "?"),
		"an error in JSON":         say(200, "application/json", `{"eroare":"Nu exista","titlu":"Descarcare mesaj"}`),
		"nothing":                  say(200, "application/zip", ""),
	} {
		for name, tc := range map[string]struct {
			strange []string // of five messages, 100 to 104
			passing bool     // only when they are asked for the first time
			bills   int
			refused string
			next    hub.Cursor
			want    hub.Code
		}{
			"the last two":            {[]string{"103", "104"}, false, 3, "", "102", ""},
			"all":                     {[]string{"100", "101", "102", "103", "104"}, false, 0, "", "", hub.CodeUnavailable},
			"one between others":      {[]string{"102"}, false, 4, "message 102", "104", ""},
			"the first two":           {[]string{"100", "101"}, false, 3, "message 100, message 101", "104", ""},
			"two in the middle, once": {[]string{"102", "103"}, true, 5, "", "104", ""},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				s := newSupplier(t)
				s.slow = time.Millisecond
				for i := range 5 {
					s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
				}
				for _, index := range tc.strange {
					s.instead[index] = answer
					if tc.passing {
						s.instead[index] = s.once(index, answer)
					}
				}
				c := open(t, newCaller(t, secrets).env, manifest(t, s.URL))
				got := take(t, context.Background(), c, "")
				if len(got.records) != tc.bills || places(got.refused) != tc.refused || got.next != tc.next || hub.CodeOf(got.err) != tc.want {
					t.Fatalf("got %d bills, %q refused up to %q, %v, want %d, %q up to %q and %q",
						len(got.records), places(got.refused), got.next, got.err, tc.bills, tc.refused, tc.next, tc.want)
				}
				s.recovers()
				rest, want := take(t, context.Background(), c, got.next), 5-tc.bills-len(got.refused)
				if len(rest.records) != want || s.most != 1 {
					t.Errorf("after it is well: got %d bills, %v, and %d downloads at once, want %d and 1", len(rest.records), rest.err, s.most, want)
				}
			})
		}
	}
}

func places(refused []hub.QualityEvent) string {
	fields := make([]string, len(refused))
	for i, e := range refused {
		fields[i] = e.Field
	}
	return strings.Join(fields, ", ")
}

// A supplier that stops answering has not shown that it is well.
func TestAnOutageAfterNoArchiveRefusesNothing(t *testing.T) {
	s := newSupplier(t)
	for i := range 5 {
		s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
	}
	s.instead["101"] = say(200, "text/html", "<html>")
	s.fails("102", 503)
	got := take(t, context.Background(), open(t, newCaller(t, secrets).env, manifest(t, s.URL)), "")
	if got.err != nil || len(got.records) != 1 || len(got.refused) != 0 || got.next != "100" {
		t.Errorf("got %d bills, %v refused up to %s, %v, want one up to 100", len(got.records), got.refused, got.next, got.err)
	}
}

// trap is a way out that breaks at an address.
type trap struct {
	connectors.Doer
	at string
}

func (d trap) Do(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.String(), d.at) {
		panic("a defect")
	}
	return d.Doer.Do(r)
}

// A defect that one message shows is this delivery's failure, not the hub's end.
func TestADefectThatAMessageShowsEndsTheBatch(t *testing.T) {
	s := newSupplier(t)
	for i := range 3 {
		s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
	}
	for message, want := range map[string]struct {
		records int
		code    hub.Code
	}{"100": {0, hub.CodeInternal}, "102": {2, ""}} {
		calls := newCaller(t, secrets)
		calls.env.Read = trap{calls.env.Read, message}
		got := take(t, context.Background(), open(t, calls.env, manifest(t, s.URL)), "")
		if len(got.records) != want.records || hub.CodeOf(got.err) != want.code {
			t.Errorf("message %s: got %d records and %v, want %d and %q", message, len(got.records), got.err, want.records, want.code)
		}
	}
}

func TestListsThatCannotBeTrusted(t *testing.T) {
	for name, order := range map[string][]string{
		"the same index twice":  {"100", "100"},
		"an index that is none": {""},
		"an endless index":      {strings.Repeat("1", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSupplier(t)
			s.order = order
			got := take(t, context.Background(), open(t, newCaller(t, secrets).env, manifest(t, s.URL)), "")
			if hub.CodeOf(got.err) != hub.CodeBadData {
				t.Errorf("got %v, want bad_data", got.err)
			}
		})
	}
}

// Downloads run side by side only in slots that the guard can spare, and never
// in more than half of those the creditor declares.
func TestDownloadsUseSparedSlotsOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		spare int64
		most  int
	}{"none to spare": {0, 1}, "two to spare": {2, 3}, "as many as you like": {100, 8}} {
		t.Run(name, func(t *testing.T) {
			s := newSupplier(t)
			s.slow = 5 * time.Millisecond
			for i := range 40 {
				s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
			}
			var taken atomic.Int64
			ctx := hub.WithSlots(context.Background(), func() (func(), bool) {
				if taken.Add(1) > tc.spare {
					taken.Add(-1)
					return nil, false
				}
				return func() { taken.Add(-1) }, true
			})
			calls := newCaller(t, secrets)
			got := take(t, ctx, open(t, calls.env, manifest(t, s.URL)), "")
			if got.err != nil || len(got.records) != 40 {
				t.Fatalf("got %d records, %v", len(got.records), got.err)
			}
			for range 100 { // the last are given back a moment after their answer
				if taken.Load() == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if s.most != tc.most || taken.Load() != 0 {
				t.Errorf("got %d downloads at once and %d slots kept, want %d and 0", s.most, taken.Load(), tc.most)
			}
			if turns := calls.turns.Load(); turns != 42 {
				t.Errorf("got %d turns, want 42: a token, a list, 40 downloads", turns)
			}
		})
	}
}

func TestABatchThatIsLeftEndsItsDownloads(t *testing.T) {
	s := newSupplier(t)
	for i := range 40 {
		s.send(fmt.Sprint(100+i), usual(t, fmt.Sprint("EL ", i)))
	}
	ctx := hub.WithSlots(context.Background(), func() (func(), bool) { return func() {}, true })
	batch, err := open(t, newCaller(t, secrets).env, manifest(t, s.URL)).Feed.Pull(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	for range batch.Records() {
		break
	}
	if err := batch.Close(); err != nil || batch.Next() != "100" {
		t.Errorf("got %v and %s, want the cursor after the one record that was taken", err, batch.Next())
	}
	underWay := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.inflight
	}
	for n := 0; n < 100 && underWay() > 0; n++ { // the supplier hears of it a moment later
		time.Sleep(10 * time.Millisecond)
	}
	if left := underWay(); left != 0 {
		t.Errorf("got %d downloads under way after the end", left)
	}
}

func TestBalances(t *testing.T) {
	const whole = `{"client_code":"1000003517","holder":"ANA","balance":"150.00","unpaid":[{"invoice":"EL 1","remaining":"100.00"},{"invoice":"EL 2","remaining":"50.00"}],"last_invoice":{"number":"EL 3","total":"80.00"},"as_of":"2026-03-15T10:00:00+02:00"}`
	for name, tc := range map[string]struct {
		from, to string
		due      int64
		listed   int
		refused  string
		want     hub.Code
	}{
		"as it should be":                   {"", "", 15_000, 3, "", ""},
		"the balance differs":               {`"150.00"`, `"162.34"`, 15_000, 3, "balance_differs", ""},
		"the balance is no number":          {`"150.00"`, `null`, 15_000, 3, "bad_amount", ""},
		"a bill that cannot be read":        {`"50.00"`, `"cincizeci"`, 10_000, 2, "bad_amount", ""},
		"a credit":                          {`{"invoice":"EL 2","remaining":"50.00"}`, `{"invoice":"EL 2","remaining":"50.00"},{"invoice":"EL 9","remaining":"-20.00"}`, 15_000, 4, "balance_differs", ""},
		"the latest bill is unpaid":         {`"EL 3","total":"80.00"`, `"EL 2","total":"80.00"`, 15_000, 2, "", ""},
		"no bill yet":                       {`{"number":"EL 3","total":"80.00"}`, `null`, 15_000, 2, "", ""},
		"a neighbour's":                     {`"1000003517"`, `"1000003530"`, 0, 0, "", hub.CodeForeignData},
		"nothing to tell whom it is about":  {`"client_code":"1000003517",`, ``, 0, 0, "", hub.CodeBadData},
		"not JSON":                          {`{`, `<`, 0, 0, "", hub.CodeBadData},
		"no list of bills where it must be": {`"unpaid"`, `"paid"`, 0, 0, "", hub.CodeBadData},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSupplier(t)
			s.balance = strings.Replace(whole, tc.from, tc.to, 1)
			answer, err := open(t, newCaller(t, secrets).env, manifest(t, s.URL)).Source.Obligations(context.Background(), asked("1000003517"))
			if hub.CodeOf(err) != tc.want {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
			if got := hub.Due(answer.Obligations); got != tc.due || len(answer.Obligations) != tc.listed {
				t.Errorf("got %d bani in %d bills, want %d in %d", got, len(answer.Obligations), tc.due, tc.listed)
			}
			codes := ""
			for _, e := range answer.Refused {
				codes += e.Code
			}
			if codes != tc.refused {
				t.Errorf("got refused %q, want %q", codes, tc.refused)
			}
		})
	}
}

func TestAPartlyPaidLatestBillKeepsItsTotal(t *testing.T) {
	s := newSupplier(t)
	s.balance = `{"client_code":"1000003517","holder":"ANA","balance":"50.00","unpaid":[{"invoice":"EL 2","remaining":"50.00"}],"last_invoice":{"number":"EL 2","total":"80.00"},"as_of":"2026-03-15T10:00:00+02:00"}`
	answer, err := open(t, newCaller(t, secrets).env, manifest(t, s.URL)).Source.Obligations(context.Background(), asked("1000003517"))
	if err != nil || len(answer.Obligations) != 1 {
		t.Fatalf("got %d obligations, %v, want 1", len(answer.Obligations), err)
	}
	if o := answer.Obligations[0]; o.Total != hub.Bani(8_000) || o.Paid != hub.Bani(3_000) || o.Status != hub.StatusPartiallyPaid {
		t.Errorf("got total %v, paid %v, %s: the proof of an account needs the bill's total", o.Total, o.Paid, o.Status)
	}
}

func TestManifestsThatCannotWork(t *testing.T) {
	for name, tc := range map[string]struct{ from, to, want string }{
		"an index that is not said": {"/api/download/{index}", "/api/download", "settings.download: must be a path"},
		"a query in the list":       {"messages: /api/messages", `messages: "/api/messages?x=1"`, "settings.messages: must be a path"},
		"an address with a user":    {"base_url: http://127.0.0.1:8090/electricity", "base_url: http://a:b@127.0.0.1/e", "settings.base_url"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := connectors.NewCatalog(einvoice.Kind).Parse("electricity.yaml", []byte(strings.Replace(manifestText(t), tc.from, tc.to, 1)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}
