package connectors

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"racord/hub"
)

// Vars fills the holes of a request.
type Vars struct {
	Asked   hub.Asked
	Cursor  string // of the next page; empty on the first
	Page    int    // number of the page, from 1
	Proof   hub.Proof
	Wanted  *hub.Wanted  // of a quote about one debt; else nil
	Posting *hub.Posting // of post, find and reverse; else nil
	Receipt string       // of reverse: the number the creditor gave
	Day     hub.Date     // of statement
	Line    int          // of a file of postings: number of the line, from 1
	Rows    int          // of the last line of a file of postings: how many there are …
	Sum     hub.Money    // … and what they add up to
	Now     time.Time    // business time
	Secret  func(ctx context.Context, name string) (hub.Secret, error)
}

// variable is something a hole can name.
type variable struct {
	name, doc string
	personal  bool     // a personal identifier: only in bodies
	calls     []string // the calls it belongs to; nil = all
	forms     []string // what may stand behind "|"; nil = nothing
	value     func(ctx context.Context, v *Vars, argument string) (string, error)
}

// in tells whether the variable belongs to a call.
func (v *variable) in(call string) bool { return v.calls == nil || slices.Contains(v.calls, call) }

// The calls variables belong to.
var (
	ofQuestions = []string{CallObligations, CallPull, CallQuote, CallProve, CallPing}
	ofProofs    = []string{CallProve}
	ofPostings  = []string{CallPost, CallFind, CallReverse}
	ofDebts     = []string{CallQuote, CallPost, CallFind, CallReverse}
	ofAmounts   = []string{CallProve, CallQuote, CallPost, CallFind, CallReverse}
	ofAccounts  = []string{CallObligations, CallPull, CallQuote, CallProve, CallPing, CallPost, CallFind, CallReverse}
	ofReverse   = []string{CallReverse}
	ofPost      = []string{CallPost}
	ofStatement = []string{CallStatement}
)

// variables are all a request can say, in the order of the reference page.
var variables = []variable{
	{name: "cnp", doc: "The CNP asked about. Bodies only.", personal: true, calls: ofQuestions, value: ofScheme(hub.SchemeCNP)},
	{name: "cui", doc: "The fiscal code asked about, without RO. Bodies only.", personal: true, calls: ofQuestions, value: ofScheme(hub.SchemeCUI)},
	{name: "nif", doc: "The NIF asked about. Bodies only.", personal: true, calls: ofQuestions, value: ofScheme(hub.SchemeNIF)},
	{name: "identifier", doc: "The CNP, CUI or NIF asked about. Bodies only.", personal: true, calls: ofQuestions, value: words(func(v *Vars) string {
		return identifierText(v.Asked.Identifier)
	})},
	{name: "scheme", doc: "What `identifier` is: cnp, cui or nif.", calls: ofQuestions, value: words(func(v *Vars) string {
		return strings.TrimPrefix(string(v.Asked.Identifier.Scheme), "ro:")
	})},
	{name: "account", doc: "The creditor's own code of the account asked about, or that a posting is booked to.", calls: ofAccounts, value: words(func(v *Vars) string {
		if v.Posting != nil {
			return v.Posting.Account
		}
		return v.Asked.Account.Code
	})},
	{name: "invoice", doc: "The invoice number of a proof.", calls: ofProofs, value: words(func(v *Vars) string { return v.Proof.Invoice })},
	{name: "amount", doc: "The amount of a proof, of what is wanted or of a posting: in bani, `amount | money_ro` (`1.234,56`), `amount | money_decimal` (`1234.56`). In a quote, nothing when the option's own amount is wanted.",
		calls: ofAmounts, forms: namesOf(moneyForms), value: amountText},
	{name: "posting.id", doc: "The posting's name, for ever the same: at most 40 characters, without personal data.", calls: ofPostings, value: words(func(v *Vars) string { return string(v.Posting.ID) })},
	{name: "external_id", doc: "The creditor's own id of the debt.", calls: ofDebts, value: words(externalID)},
	{name: "option", doc: "The option that is wanted or was paid.", calls: ofDebts, value: words(option)},
	{name: "reference", doc: "What the payer typed, when the debt is not listed; `reference | letters` and `reference | digits` are its parts, `PLNT` and `0000012` of `PLNT 0000012`.",
		calls: ofPostings, forms: namesOf(referenceForms), value: func(_ context.Context, v *Vars, form string) (string, error) {
			return strings.Map(referenceForms[form], v.Posting.Reference), nil
		}},
	{name: "paid_at", doc: "The moment the payer authorised: RFC 3339, `paid_at | date_iso`, `paid_at | date_ro`, `paid_at | datetime_ro`, `paid_at | datetime_sql` (`2026-03-15 10:00:00`).",
		calls: ofPostings, forms: namesOf(timeForms), value: func(_ context.Context, v *Vars, form string) (string, error) {
			return v.Posting.PaidAt.In(hub.Bucharest).Format(timeForms[form]), nil
		}},
	{name: "iban", doc: "The bank account the money went to; nothing when it went to several.", calls: ofPostings, value: words(func(v *Vars) string { return oneTransfer(v).IBAN })},
	{name: "revenue_code", doc: "The budget classification it was paid for; nothing when there are several.", calls: ofPostings, value: words(func(v *Vars) string { return oneTransfer(v).RevenueCode })},
	{name: "receipt", doc: "The number of the receipt that is taken back.", calls: ofReverse, value: words(func(v *Vars) string { return v.Receipt })},
	{name: "line", doc: "Of a file of postings: number of the line.", calls: ofPost, value: words(func(v *Vars) string { return positive(v.Line) })},
	{name: "rows", doc: "Of the last line of a file of postings: how many there are.", calls: ofPost, value: words(func(v *Vars) string { return positive(v.Rows) })},
	{name: "sum", doc: "Of the last line of a file of postings: what they add up to, in the forms of `amount`.", calls: ofPost, forms: namesOf(moneyForms),
		value: func(_ context.Context, v *Vars, form string) (string, error) {
			return string(moneyForms[form](nil, v.Sum.Minor)), nil
		}},
	{name: "day", doc: "The day asked about: `2026-03-15`, `day | date_ro`, `day | date_compact` (`20260315`).", calls: ofStatement,
		forms: namesOf(dayForms), value: func(_ context.Context, v *Vars, form string) (string, error) {
			return v.Day.Start().Format(dayForms[form]), nil
		}},
	{name: "cursor", doc: "Where the next page starts; nothing on the first.", value: words(func(v *Vars) string { return v.Cursor })},
	{name: "page", doc: "Number of the page.", value: words(func(v *Vars) string { return strconv.Itoa(v.Page) })},
	{name: "now", doc: "The moment, as `now` (RFC 3339), `now | date_iso`, `now | date_ro`, `now | datetime_ro` or `now | datetime_sql`.", forms: namesOf(timeForms), value: func(_ context.Context, v *Vars, form string) (string, error) {
		return v.Now.In(hub.Bucharest).Format(timeForms[form]), nil
	}},
	{name: "secret", doc: "A secret of the creditor, as `secret water-key`. Headers and bodies only.", value: func(ctx context.Context, v *Vars, name string) (string, error) {
		secret, err := v.Secret(ctx, name)
		return secret.Reveal(), err
	}},
}

// timeForms are how moments are written, in Europe/Bucharest.
var timeForms = map[string]string{"": time.RFC3339, "date_iso": time.DateOnly, "date_ro": "02.01.2006", "datetime_ro": "02.01.2006 15:04:05", "datetime_sql": time.DateTime}

// dayForms are how days are written.
var dayForms = map[string]string{"": time.DateOnly, "date_iso": time.DateOnly, "date_ro": "02.01.2006", "date_compact": "20060102"}

// moneyForms are how amounts are written.
var moneyForms = map[string]func(dst []byte, minor int64) []byte{
	"": appendBani, "bani": appendBani, "money_ro": appendMoneyRO, "money_decimal": appendLei,
}

// referenceForms are the parts of a reference.
var referenceForms = map[string]func(rune) rune{
	"":        func(c rune) rune { return c },
	"letters": only(unicode.IsLetter),
	"digits":  only(func(c rune) bool { return c >= '0' && c <= '9' }),
}

func only(fits func(rune) bool) func(rune) rune {
	return func(c rune) rune {
		if fits(c) {
			return c
		}
		return -1
	}
}

// namesOf lists the forms but the one that needs no name.
func namesOf[V any](forms map[string]V) []string {
	names := slices.Sorted(maps.Keys(forms))
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// words is a variable that is a text and cannot fail.
func words(of func(*Vars) string) func(context.Context, *Vars, string) (string, error) {
	return func(_ context.Context, v *Vars, _ string) (string, error) { return of(v), nil }
}

func positive(n int) string {
	if n <= 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func ofScheme(scheme hub.Scheme) func(context.Context, *Vars, string) (string, error) {
	return words(func(v *Vars) string {
		if v.Asked.Identifier.Scheme != scheme {
			return ""
		}
		return identifierText(v.Asked.Identifier)
	})
}

func identifierText(id hub.Identifier) string {
	if id.Scheme == hub.SchemeCUI {
		return hub.NormalCUI(id.Value)
	}
	return id.Value
}

func amountText(_ context.Context, v *Vars, form string) (string, error) {
	money := v.Proof.Amount
	switch {
	case v.Posting != nil:
		money = v.Posting.Amount
	case v.Wanted != nil && v.Wanted.Amount == hub.Money{}:
		return "", nil
	case v.Wanted != nil:
		money = v.Wanted.Amount
	}
	if v.Posting != nil && (money.Minor <= 0 || money.Currency != hub.RON) {
		return "", hub.Errorf(hub.CodeInvalid, "A posting is of a positive amount of lei.")
	}
	return string(moneyForms[form](nil, money.Minor)), nil
}

func externalID(v *Vars) string {
	if v.Posting != nil {
		return v.Posting.ExternalID
	}
	if v.Wanted != nil {
		return v.Wanted.ExternalID
	}
	return ""
}

func option(v *Vars) string {
	if v.Posting != nil {
		return v.Posting.Option
	}
	if v.Wanted != nil {
		return v.Wanted.Option
	}
	return ""
}

// oneTransfer is where all of a posting's money went; zero when it went to
// several accounts.
func oneTransfer(v *Vars) hub.Transfer {
	if len(v.Posting.Transfers) != 1 {
		return hub.Transfer{}
	}
	return v.Posting.Transfers[0]
}

func variableNames() []string {
	names := make([]string, len(variables))
	for i, v := range variables {
		names[i] = v.name
	}
	return names
}
