package euplatesc

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"racord/cmd/city/calendar"
	"racord/cmd/city/pspbook"
)

// Prefix begins the numbers of EuPlătesc's invoices.
const Prefix = "FPS"

type invoiceWire struct {
	Number       string `json:"invoice_number"`
	Date         string `json:"invoice_date"`
	NoVAT        string `json:"invoice_amount_novat"`
	VAT          string `json:"invoice_amount_vat"`
	Currency     string `json:"invoice_currency"`
	Transactions string `json:"transactions_number"`
	Amount       string `json:"transactions_amount"`
	Transferred  string `json:"transferred_amount"`
}

type transactionWire struct {
	MID          string `json:"mid"`
	InvoiceID    string `json:"invoice_id"`
	EpID         string `json:"epid"`
	RRN          string `json:"rrn"`
	Amount       string `json:"amount"`
	Commission   string `json:"commission"`
	Installments string `json:"installments"`
	Type         string `json:"type"`
}

// maxInvoices is how many one answer lists.
const maxInvoices = 100

// invoices lists the settlements of a merchant.
func (p *Provider) invoices(form url.Values) (any, error) {
	m, known := p.merchants[form.Get("mid")]
	if !known {
		return nil, refusedMerchant
	}
	from, to, err := p.period(form, 90)
	if err != nil {
		return nil, err
	}
	list := []invoiceWire{}
	for _, s := range p.book.Settlements(Prefix, m.Account, from, to) {
		list = append(list, invoiceWire{
			Number: s.Number, Date: s.Payout.ISO(), NoVAT: pspbook.Lei(s.Fee), VAT: pspbook.Lei(s.VAT), Currency: "RON",
			Transactions: strconv.Itoa(len(s.Items)), Amount: pspbook.Lei(s.Gross), Transferred: pspbook.Lei(s.Transferred),
		})
	}
	return map[string]any{"success": list[:min(len(list), maxInvoices)]}, nil
}

// period reads from and to; both empty mean so many days up to today.
func (p *Provider) period(form url.Values, days int) (from, to calendar.Day, err error) {
	today := p.clock.Today()
	from, to = today-calendar.Day(days), today
	if text := form.Get("from"); text != "" {
		if from, err = calendar.Parse(text); err != nil {
			return 0, 0, refusedField
		}
	}
	if text := form.Get("to"); text != "" {
		if to, err = calendar.Parse(text); err != nil {
			return 0, 0, refusedField
		}
	}
	return from, min(to, today), nil
}

// invoice lists the transactions of a settlement.
func (p *Provider) invoice(form url.Values) (any, error) {
	m, day, ok := p.numbered(form.Get("invoice"))
	if !ok {
		return nil, refusedInvoice
	}
	payout := (day + 1).NextWorking()
	found := p.book.Settlements(Prefix, m.Account, payout, min(payout, p.clock.Today()))
	for _, s := range found {
		if s.Number == form.Get("invoice") {
			return map[string]any{"success": transactions(s)}, nil
		}
	}
	return nil, refusedInvoice
}

// numbered reads the merchant and the day out of an invoice number.
func (p *Provider) numbered(number string) (m Merchant, day calendar.Day, ok bool) {
	rest, ok := strings.CutPrefix(number, Prefix)
	if !ok || len(rest) < 9 {
		return m, 0, false
	}
	day, err := calendar.Parse(rest[:4] + "-" + rest[4:6] + "-" + rest[6:8])
	if err != nil {
		return m, 0, false
	}
	for _, m := range p.merchants {
		if strconv.Itoa(m.Account.PosID) == rest[8:] {
			return m, day, true
		}
	}
	return m, 0, false
}

func transactions(s pspbook.Settlement) []transactionWire {
	list := []transactionWire{}
	for _, i := range s.Items {
		list = append(list, transactionWire{
			MID: i.Merchant, InvoiceID: i.OrderID, EpID: i.ID, RRN: i.RRN, Amount: pspbook.Lei(i.Amount),
			Commission: pspbook.Lei(i.Fee), Installments: "0", Type: string(i.Kind),
		})
	}
	return list
}

// capturedTotal adds up what was captured in a period.
func (p *Provider) capturedTotal(form url.Values) (any, error) {
	from, to, err := p.period(form, 31)
	if err != nil {
		return nil, err
	}
	mids := strings.Split(form.Get("mids"), ",")
	var total int64
	for _, o := range p.book.Orders() {
		if day := calendar.Of(o.CapturedAt); o.Captured > 0 && day >= from && day <= to && slices.Contains(mids, o.Merchant) {
			total += o.Captured
		}
	}
	return map[string]any{"success": map[string]string{"RON": pspbook.Lei(total)}}, nil
}
