package receipt_test

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"racord/adapters/receipt"
	"racord/hub"
)

func sample() *hub.PaymentReceipt {
	at := time.Date(2026, 3, 15, 8, 1, 0, 0, time.UTC)
	return &hub.PaymentReceipt{
		Code: "5KX3R2QWZJ7T4YB6N2MHC7VDPE-0-ABCDEFGHIJKLMNOP", Link: "https://racord.example/v1/receipts/5KX3R2QWZJ7T4YB6N2MHC7VDPE-0-ABCDEFGHIJKLMNOP",
		Payment: "5KX3R2QWZJ7T4YB6N2MHC7VDPE", PaidAt: at, AsOf: at.Add(time.Hour), Total: hub.Bani(123_456_78), Refunded: hub.Bani(5000),
		Lines: []hub.ReceiptLine{{
			No: 1, Creditor: "ditl", Title: "Direcția Impozite și Taxe Locale", CUI: "4305857", Label: "Impozit pe clădiri, bonificație 10 %",
			ExternalID: "D-2026-118", Account: "0045117", Amount: hub.Bani(123_406_78), PaidAt: at, State: hub.ReceiptBooked, Number: "CH-77", BookedAt: at.Add(time.Minute),
			Transfers: []hub.ReceiptTransfer{{IBAN: "RO31TREZ99921A070101XXXX", Beneficiary: "Primăria Târgu Mureș", RevenueCode: "07.01.01", Amount: hub.Bani(123_406_78)}},
		}, {
			No: 2, Creditor: "water", Title: "Compania de Apă\nSomeș\x00 <b>", Label: strings.Repeat("foarte lung ", 100), Amount: hub.Bani(5000), PaidAt: at, State: hub.ReceiptRefunded,
		}},
		Providers: []hub.ReceiptCharge{{Title: "NETOPIA Payments", Order: "RC00000017", Ref: "ntp-5f1c", Taken: hub.Bani(123_456_78)}},
	}
}

// TestLettersBeyondTheFontArePrintedAsBlanks has letters of more than two bytes in
// UTF-16, which the document's fonts cannot have.
func TestLettersBeyondTheFontArePrintedAsBlanks(t *testing.T) {
	r := sample()
	r.Lines[0].Label = "Taxa \U00010000 auto\U0001F600mobil"
	if text := textIn(t, printed(t, r)); !strings.Contains(text, "Taxa auto mobil") {
		t.Errorf("got %q, want the label with blanks", text)
	}
}

func printed(t *testing.T, r *hub.PaymentReceipt) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := (receipt.Printer{}).Print(&out, r); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("RECEIPTS"); dir != "" {
		_ = os.WriteFile(dir+"/"+strings.ReplaceAll(t.Name(), "/", "-")+".pdf", out.Bytes(), 0o600)
	}
	return out.Bytes()
}

// textIn gives all text of the pages, of which fonts with an identity map write
// UTF-16.
func textIn(t *testing.T, pdf []byte) string {
	t.Helper()
	var all strings.Builder
	for rest := pdf; ; {
		_, after, found := bytes.Cut(rest, []byte("stream\n"))
		if !found {
			return all.String()
		}
		rest = after
		z, err := zlib.NewReader(bytes.NewReader(after))
		if err != nil {
			continue
		}
		content, err := io.ReadAll(z)
		if (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) && bytes.Contains(content, []byte("BT ")) {
			all.WriteString(shown(content))
		}
	}
}

// shown gives the strings that a page's content shows.
func shown(content []byte) string {
	var out strings.Builder
	for {
		_, after, found := bytes.Cut(content, []byte("("))
		if !found {
			return out.String()
		}
		var raw []byte
		i := 0
		for ; i < len(after) && after[i] != ')'; i++ {
			if after[i] == '\\' {
				i++
				if after[i] == 'r' {
					raw = append(raw, '\r')
					continue
				}
			}
			raw = append(raw, after[i])
		}
		var units []uint16
		for j := 0; j+1 < len(raw); j += 2 {
			units = append(units, uint16(raw[j])<<8|uint16(raw[j+1]))
		}
		out.WriteString(string(utf16.Decode(units)) + "\n")
		content = after[min(i, len(after)):]
	}
}

func TestAReceiptSaysWhatWasPaidInRomanian(t *testing.T) {
	text := strings.ReplaceAll(textIn(t, printed(t, sample())), "\n", " ")
	for _, want := range []string{
		"Dovadă de plată", "Direcția Impozite și Taxe Locale", "Primăria Târgu Mureș", "Impozit pe clădiri", "123.456,78 lei", "50,00 lei",
		"RO31 TREZ 9992 1A07 0101 XXXX", "07.01.01", "înregistrată de creditor la 15.03.2026, 10:02, cu numărul CH-77",
		"suma a fost returnată plătitorului", "NETOPIA Payments, tranzacția RC00000017, referința ntp-5f1c", "15.03.2026, 10:01",
		"5KX3R2QWZJ7T4YB6N2MHC7VDPE-0-ABCDEFGHIJKLMNOP", "Compania de Apă Someș <b>", "foarte lung",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the receipt does not say %q", want)
		}
	}
	for _, wrong := range []string{"ş", "ţ", "Ş", "Ţ"} {
		if strings.Contains(text, wrong) {
			t.Errorf("the receipt has %q, a cedilla where Romanian has a comma", wrong)
		}
	}
}

func TestEveryStateHasItsWords(t *testing.T) {
	for state, want := range map[hub.ReceiptState]string{
		hub.ReceiptPaid: "urmează să fie înregistrată", hub.ReceiptRefunding: "în curs de returnare", hub.ReceiptDisputed: "banca plătitorului",
	} {
		r := sample()
		r.Lines = r.Lines[:1]
		r.Lines[0].State = state
		if text := strings.ReplaceAll(textIn(t, printed(t, r)), "\n", " "); !strings.Contains(text, want) {
			t.Errorf("%s: the receipt does not say %q", state, want)
		}
	}
}

func TestEqualReceiptsAreEqual(t *testing.T) {
	if !bytes.Equal(printed(t, sample()), printed(t, sample())) {
		t.Errorf("the same receipt was written in two ways")
	}
}

func TestAReceiptOfAFullBasketGoesOn(t *testing.T) {
	r := sample()
	for i := range 18 {
		l := r.Lines[0]
		l.No = i + 3
		r.Lines = append(r.Lines, l)
	}
	pdf := printed(t, r)
	if pages := bytes.Count(pdf, []byte("/Type /Page\n")); pages < 4 || len(pdf) > 200<<10 {
		t.Errorf("got %d pages in %d bytes, want several and not much", pages, len(pdf))
	}
}

func TestWithoutAnAddressThereIsNoPicture(t *testing.T) {
	r := sample()
	with := printed(t, r)
	r.Link = ""
	without := printed(t, r)
	if text := textIn(t, without); !strings.Contains(text, r.Code) || strings.Contains(text, "https://") || len(without) >= len(with) {
		t.Errorf("got %s", text)
	}
}

func TestManyAreWrittenAtOnce(t *testing.T) {
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) { t.Parallel(); printed(t, sample()) })
	}
}
