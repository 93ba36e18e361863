package view

import (
	"strconv"
	"time"

	"racord/hub"
)

// AppendJSON appends the view as one JSON object. Obligations are joined as
// they were encoded when they were fetched.
func (v *View) AppendJSON(dst []byte) []byte {
	dst = append(v.appendHead(dst), `,"pages":[`...)
	for i := range v.Pages {
		dst = v.Pages[i].AppendJSON(comma(dst, i))
	}
	return append(dst, `]}`...)
}

// AppendSummary appends the view without its pages, for readers that have them.
func (v *View) AppendSummary(dst []byte) []byte { return append(v.appendHead(dst), '}') }

func (v *View) appendHead(dst []byte) []byte {
	dst = appendString(append(dst, `{"view_id":`...), v.ID)
	dst = appendTime(append(dst, `,"as_of":`...), v.AsOf)
	dst = strconv.AppendBool(append(dst, `,"complete":`...), v.Complete)
	dst = appendMoney(append(dst, `,"total_confirmed":`...), v.TotalConfirmed)
	dst = appendMoney(append(dst, `,"total_last_known":`...), v.TotalLastKnown)
	dst = append(dst, `,"not_counted":[`...)
	for i := range v.NotCounted {
		dst = v.NotCounted[i].append(comma(dst, i))
	}
	return append(dst, ']')
}

// AppendJSON appends the page as one JSON object.
func (p *Page) AppendJSON(dst []byte) []byte {
	dst = appendString(append(dst, `{"creditor":`...), string(p.Creditor))
	dst = appendString(append(dst, `,"name":`...), p.Title)
	dst = appendString(append(dst, `,"state":`...), string(p.State))
	dst = strconv.AppendBool(append(dst, `,"payable":`...), p.Payable)
	if p.Reason != "" {
		dst = appendString(append(dst, `,"reason":`...), p.Reason)
		dst = appendString(append(dst, `,"message":`...), p.Message)
	}
	dst = optionalTime(dst, `,"as_of":`, p.AsOf)
	dst = optionalTime(dst, `,"valid_until":`, p.ValidUntil)
	dst = optionalTime(dst, `,"retry_at":`, p.RetryAt)
	dst = p.appendObligations(append(dst, `,"obligations":[`...))
	dst = p.appendQuality(append(dst, ']'))
	return append(dst, '}')
}

func (p *Page) appendObligations(dst []byte) []byte {
	if p.overlaid != nil {
		return appendObligations(dst, p.overlaid.list)
	}
	written := 0
	for _, part := range p.parts {
		if len(part.Obligations) > 0 {
			dst = append(comma(dst, written), part.Obligations...)
			written++
		}
	}
	return dst
}

func (p *Page) appendQuality(dst []byte) []byte {
	written := 0
	for _, part := range p.parts {
		if len(part.Quality) == 0 {
			continue
		}
		if written == 0 {
			dst = append(dst, `,"quality":[`...)
		}
		dst = append(comma(dst, written), part.Quality...)
		written++
	}
	if written > 0 {
		dst = append(dst, ']')
	}
	return dst
}

func (n *NotCounted) append(dst []byte) []byte {
	dst = appendString(append(dst, `{"creditor":`...), string(n.Creditor))
	dst = appendString(append(dst, `,"reason":`...), n.Reason)
	dst = optionalTime(dst, `,"since":`, n.Since)
	return append(dst, '}')
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendMoney(dst []byte, m hub.Money) []byte {
	dst = strconv.AppendInt(append(dst, `{"amount":`...), m.Minor, 10)
	dst = appendString(append(dst, `,"currency":`...), m.Currency)
	return append(dst, '}')
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = t.UTC().AppendFormat(append(dst, '"'), time.RFC3339)
	return append(dst, '"')
}

func optionalTime(dst []byte, key string, t time.Time) []byte {
	if t.IsZero() {
		return dst
	}
	return appendTime(append(dst, key...), t)
}
