package view

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"racord/hub"
)

// Obligations are encoded by hand, byte for byte as encoding/json does it: that
// is done once for every answer of a creditor, and by reflection it costs more
// than reading the answer.

// appendObligations appends obligations as the elements of a JSON array.
func appendObligations(dst []byte, list []hub.Obligation) []byte {
	for i := range list {
		dst = appendObligation(comma(dst, i), &list[i])
	}
	return dst
}

func appendObligation(dst []byte, o *hub.Obligation) []byte {
	dst = appendString(append(dst, `{"id":`...), string(o.ID))
	dst = appendString(append(dst, `,"external_id":`...), o.ExternalID)
	dst = appendString(append(dst, `,"kind":`...), o.Kind)
	dst = optionalString(dst, `,"account":`, o.Account)
	dst = optionalString(dst, `,"debtor":`, o.Debtor)
	dst = appendMatter(dst, o)
	dst = optionalString(dst, `,"issued_on":`, string(o.IssuedOn))
	dst = optionalString(dst, `,"legal_stage":`, o.LegalStage)
	dst = appendList(dst, `,"components":`, o.Components, appendComponent)
	dst = appendMoney(append(dst, `,"total":`...), o.Total)
	dst = appendMoney(append(dst, `,"paid":`...), o.Paid)
	dst = appendMoney(append(dst, `,"outstanding":`...), o.Outstanding)
	if o.IncludesPreviousBalance {
		dst = append(dst, `,"includes_previous_balance":true`...)
	}
	dst = appendList(dst, `,"excludes_ids":`, o.ExcludesIDs, appendText)
	dst = appendList(dst, `,"installments":`, o.Installments, appendInstallment)
	dst = appendList(dst, `,"options":`, o.Options, appendOption)
	if o.NextChange != nil {
		dst = appendAny(append(dst, `,"next_change":`...), o.NextChange)
	}
	dst = appendString(append(dst, `,"status":`...), string(o.Status))
	dst = appendString(append(dst, `,"hub_state":`...), string(o.HubState))
	dst = optionalString(dst, `,"not_payable":`, o.NotPayable)
	dst = appendList(dst, `,"replaces":`, o.Replaces, appendText)
	dst = appendList(dst, `,"quality":`, o.Quality, appendRemark)
	if len(o.Details) > 0 {
		dst = appendAny(append(dst, `,"details":`...), o.Details)
	}
	return append(dst, '}')
}

// appendMatter appends what the obligation is about.
func appendMatter(dst []byte, o *hub.Obligation) []byte {
	if s := o.Subject; s != nil {
		dst = appendFields(append(dst, `,"subject":`...),
			field{"type", s.Type}, field{"label", s.Label}, field{"ref", s.Ref})
	}
	if r := o.Reference; r != nil {
		dst = appendFields(append(dst, `,"reference":`...),
			field{"invoice", r.Invoice}, field{"pv_series", r.PVSeries}, field{"pv_number", r.PVNumber},
			field{"pv_unique", r.PVUnique}, field{"decision", r.Decision}, field{"payment_ref", r.PaymentRef})
	}
	if p := o.Period; p != nil {
		dst = appendFields(append(dst, `,"period":`...),
			field{"from", string(p.From)}, field{"to", string(p.To)}, field{"label", p.Label})
	}
	return dst
}

// field is a member that is left out when it is empty.
type field struct{ key, value string }

func appendFields(dst []byte, fields ...field) []byte {
	dst = append(dst, '{')
	written := 0
	for _, f := range fields {
		if f.value != "" {
			dst = append(append(append(comma(dst, written), '"'), f.key...), '"', ':')
			dst = appendString(dst, f.value)
			written++
		}
	}
	return append(dst, '}')
}

// appendList appends a member that is a list, left out when it is empty.
func appendList[T any](dst []byte, key string, list []T, one func([]byte, *T) []byte) []byte {
	if len(list) == 0 {
		return dst
	}
	dst = append(append(dst, key...), '[')
	for i := range list {
		dst = one(comma(dst, i), &list[i])
	}
	return append(dst, ']')
}

func appendComponent(dst []byte, c *hub.Component) []byte {
	dst = appendString(append(dst, `{"type":`...), c.Type)
	dst = optionalString(dst, `,"label":`, c.Label)
	return append(appendMoney(append(dst, `,"amount":`...), c.Amount), '}')
}

func appendInstallment(dst []byte, n *hub.Installment) []byte {
	dst = strconv.AppendInt(append(dst, `{"no":`...), int64(n.No), 10)
	dst = appendString(append(dst, `,"due_on":`...), string(n.DueOn))
	dst = appendMoney(append(dst, `,"amount":`...), n.Amount)
	return append(appendMoney(append(dst, `,"outstanding":`...), n.Outstanding), '}')
}

func appendOption(dst []byte, p *hub.PaymentOption) []byte {
	dst = appendString(append(dst, `{"id":`...), p.ID)
	dst = appendString(append(dst, `,"kind":`...), p.Kind)
	dst = optionalString(dst, `,"label":`, p.Label)
	dst = appendMoney(append(dst, `,"amount":`...), p.Amount)
	dst = optionalString(dst, `,"legal_basis":`, p.LegalBasis)
	dst = optionalString(dst, `,"available_until":`, string(p.AvailableUntil))
	dst = appendList(dst, `,"transfers":`, p.Transfers, appendTransfer)
	return append(appendList(dst, `,"covers":`, p.Covers, appendText), '}')
}

func appendTransfer(dst []byte, t *hub.Transfer) []byte {
	dst = strconv.AppendInt(append(dst, `{"seq":`...), int64(t.Seq), 10)
	dst = optionalString(dst, `,"account_id":`, t.AccountID)
	dst = appendString(append(dst, `,"iban":`...), t.IBAN)
	dst = optionalString(dst, `,"revenue_code":`, t.RevenueCode)
	return append(appendMoney(append(dst, `,"amount":`...), t.Amount), '}')
}

// appendRemarks appends quality events as the elements of a JSON array.
func appendRemarks(dst []byte, list []hub.QualityEvent) []byte {
	for i := range list {
		dst = appendRemark(comma(dst, i), &list[i])
	}
	return dst
}

func appendRemark(dst []byte, e *hub.QualityEvent) []byte {
	dst = appendString(append(dst, `{"code":`...), e.Code)
	dst = optionalString(dst, `,"field":`, e.Field)
	return append(optionalString(dst, `,"detail":`, e.Detail), '}')
}

func appendText[T ~string](dst []byte, s *T) []byte { return appendString(dst, string(*s)) }

func optionalString(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return appendString(append(dst, key...), s)
}

// appendAny appends what is too rare to be encoded by hand. The types hold
// nothing that cannot be encoded.
func appendAny(dst []byte, v any) []byte {
	encoded, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, encoded...)
}

// appendString appends a JSON string as encoding/json writes it. Plain text, the
// common case, is copied.
func appendString(dst []byte, s string) []byte {
	if !isPlain(s) {
		return appendAny(dst, s)
	}
	return append(append(append(dst, '"'), s...), '"')
}

// asIs marks the ASCII characters that encoding/json does not escape.
var asIs = func() (plain [utf8.RuneSelf]bool) {
	for c := range plain {
		plain[c] = c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&'
	}
	return plain
}()

func isPlain(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if !asIs[c] {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
			return false
		}
		i += size
	}
	return true
}
