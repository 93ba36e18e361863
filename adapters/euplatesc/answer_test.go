package euplatesc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"racord/adapters/euplatesc"
	"racord/hub"
)

// script answers each management method with one text after the other, the last
// one for ever; "500 " in front is a status.
type script struct {
	answers map[string][]string
	asked   []url.Values
}

func (s *script) Do(req *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(req.Body)
	form, _ := url.ParseQuery(string(body))
	s.asked = append(s.asked, form)
	method := form.Get("method")
	text := ""
	if left := s.answers[method]; len(left) > 0 {
		if text = left[0]; len(left) > 1 {
			s.answers[method] = left[1:]
		}
	}
	status := http.StatusOK
	if code, rest, ok := strings.Cut(text, " "); ok && len(code) == 3 {
		if n, err := strconv.Atoi(code); err == nil {
			status, text = n, rest
		}
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

// transaction is the documented form of one.
func transaction(action, message, captured, refunded, more string) string {
	return fmt.Sprintf(`{"merch_id":"testaccount","invoice_id":"RC-1","ep_id":"EP1","action":%q,"message":%q,"captured":%q,"refunded":%q,
		"masked_card":"444444xxxxxx4444","name_on_card":"Test","email":"test@test.com","timestamp":"2026-03-15 10:00:00","tran_type":"Normal"%s}`,
		action, message, captured, refunded, more)
}

// inText is a list as the provider answers: a text inside JSON.
func inText(transactions ...string) string {
	text, _ := json.Marshal("[" + strings.Join(transactions, ",") + "]")
	return `{"success":` + string(text) + `}`
}

const done = `{"success":"1"}`

var (
	opened   = transaction("", "Pending", "0", "0", "")
	approved = transaction("0", "Approved", "0", "0", "")
	captured = transaction("0", "Approved", "1", "0", "")
	refunded = transaction("0", "Approved", "1", "1", "")
	undone   = transaction("0", "Reversed", "0", "0", "")
	refused  = transaction("2", "Not sufficient funds", "0", "0", "")
)

var (
	aRef = hub.ChargeRef{Order: "RC-1", Merchant: testMerchant, Amount: hub.Bani(5000)}
	at   = time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC)
)

func TestFlagsBecomeFacts(t *testing.T) {
	second := strings.Replace(approved, "EP1", "EP2", 1)
	for name, tc := range map[string]struct {
		told []string
		take int64
		want hub.ChargeFacts
	}{
		"nobody paid yet":     {[]string{opened}, 0, hub.ChargeFacts{}},
		"approved":            {[]string{approved}, 0, hub.ChargeFacts{Ref: "EP1", Authorised: 5000}},
		"captured, all":       {[]string{captured}, 0, hub.ChargeFacts{Ref: "EP1", Authorised: 5000, Captured: 5000}},
		"captured, a part":    {[]string{captured}, 3001, hub.ChargeFacts{Ref: "EP1", Authorised: 5000, Captured: 3001}},
		"something refunded":  {[]string{refunded}, 5000, hub.ChargeFacts{Ref: "EP1", Authorised: 5000, Captured: 5000, RefundedSome: true}},
		"reversed":            {[]string{undone}, 0, hub.ChargeFacts{Ref: "EP1", Authorised: 5000, Voided: true}},
		"refused":             {[]string{refused}, 0, hub.ChargeFacts{Declined: true}},
		"refused, then at it": {[]string{opened, refused}, 0, hub.ChargeFacts{}},
		"refused, then paid":  {[]string{second, refused}, 0, hub.ChargeFacts{Ref: "EP2", Authorised: 5000}},
		"paid twice":          {[]string{second, captured}, 5000, hub.ChargeFacts{Ref: "EP1", Authorised: 10000, Captured: 5000}},
	} {
		p := testAccount(t, &script{answers: map[string][]string{"check_status": {inText(tc.told...)}}})
		ref := aRef
		ref.Take = hub.Bani(tc.take)
		got, err := p.Charger.Lookup(t.Context(), ref)
		if tc.want.Authorised > 0 && !got.AuthorisedAt.Equal(at) {
			t.Errorf("%s: got authorised at %v, want %v", name, got.AuthorisedAt, at)
		}
		got.AuthorisedAt = time.Time{}
		if err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, tc.want)
		}
	}
}

func TestAmountsAreReadWhereTheyAreAgreedOn(t *testing.T) {
	more := `,"amount":"50.00","captured_amount":"30.01","refunded_amount":"0.50"`
	p := testAccount(t, &script{answers: map[string][]string{"check_status": {inText(transaction("0", "Approved", "1", "1", more))}}}, euplatesc.ExtraAmounts)
	got, err := p.Charger.Lookup(t.Context(), hub.ChargeRef{Order: "RC-1", Merchant: testMerchant})
	if err != nil || got.Authorised != 5000 || got.Captured != 3001 || got.Refunded != 50 {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, told := range map[string]string{
		"no amounts":                  captured,
		"more captured than there is": transaction("0", "", "1", "0", `,"amount":"50.00","captured_amount":"50.01","refunded_amount":"0.00"`),
		"captured, and nothing":       transaction("0", "", "1", "0", `,"amount":"50.00","captured_amount":"0.00","refunded_amount":"0.00"`),
		"more refunded than taken":    transaction("0", "", "1", "1", `,"amount":"50.00","captured_amount":"10.00","refunded_amount":"20.00"`),
	} {
		p := testAccount(t, &script{answers: map[string][]string{"check_status": {inText(told)}}}, euplatesc.ExtraAmounts)
		if got, err := p.Charger.Lookup(t.Context(), aRef); hub.CodeOf(err) != hub.CodeBadData {
			t.Errorf("%s: got %+v, %v; want bad data", name, got, err)
		}
	}
	p = testAccount(t, &script{answers: map[string][]string{"check_status": {inText(captured)}}})
	if got, err := p.Charger.Lookup(t.Context(), hub.ChargeRef{Order: "RC-1", Merchant: testMerchant}); hub.CodeOf(err) != hub.CodeUnsupported {
		t.Errorf("money of an unknown amount: got %+v, %v; want unsupported", got, err)
	}
}

func TestAStatusThatCannotBeTrustedSaysNothing(t *testing.T) {
	for name, tc := range map[string]struct {
		answer string
		want   hub.Code
	}{
		"another order":             {inText(strings.Replace(captured, "RC-1", "RC-2", 1)), hub.CodeBadData},
		"another merchant":          {inText(strings.Replace(captured, "testaccount", "44841000006", 1)), hub.CodeBadData},
		"no number":                 {inText(strings.Replace(captured, "EP1", "", 1)), hub.CodeBadData},
		"captured and not approved": {inText(transaction("2", "", "1", "0", "")), hub.CodeBadData},
		"refunded and not captured": {inText(transaction("0", "", "0", "1", "")), hub.CodeBadData},
		"reversed and captured":     {inText(transaction("0", "Reversed", "1", "0", "")), hub.CodeBadData},
		"a flag that is none":       {inText(transaction("0", "", "yes", "0", "")), hub.CodeBadData},
		"a moment that is none":     {inText(strings.Replace(captured, "2026-03-15", "15.03.2026", 1)), hub.CodeBadData},
		"no transactions":           {inText(), hub.CodeBadData},
		"no list":                   {done, hub.CodeBadData},
		"an empty success":          {`{"success":""}`, hub.CodeBadData},
		"nothing":                   {`{}`, hub.CodeBadData},
		"null":                      {`null`, hub.CodeBadData},
		"a page":                    {"<html>", hub.CodeBadData},
		"half of it":                {inText(captured)[:60], hub.CodeBadData},
		"not known":                 {`{"error":"Transaction not found","ecode":"E06"}`, hub.CodeNotFound},
		"a wrong hash":              {`{"error":"Invalid fp_hash","ecode":"E02"}`, hub.CodeAuth},
		"another error":             {`{"error":"Try later","ecode":"E99"}`, hub.CodeConflict},
		"a fault":                   {"500 ", hub.CodeUnavailable},
	} {
		p := testAccount(t, &script{answers: map[string][]string{"check_status": {tc.answer}}})
		if got, err := p.Charger.Lookup(t.Context(), aRef); hub.CodeOf(err) != tc.want || got != (hub.ChargeFacts{}) {
			t.Errorf("%s: got %+v, %v; want %s", name, got, err, tc.want)
		}
	}
	p := testAccount(t, &script{answers: map[string][]string{"check_status": {`{"success":[` + captured + `]}`}}})
	if got, err := p.Charger.Lookup(t.Context(), aRef); err != nil || got.Captured != 5000 {
		t.Errorf("a list that is no text: got %+v, %v", got, err)
	}
}

const no = `{"error":"Operation not allowed in this state","ecode":"E07"}`

func TestACaptureSaysWhetherAnythingWasDone(t *testing.T) {
	for name, tc := range map[string]struct {
		capture, status string
		want            hub.Code
		certain         bool
	}{
		"done":                         {done, inText(captured), "", false},
		"refused, and not captured":    {no, inText(approved), hub.CodeConflict, true},
		"refused, because it was done": {no, inText(captured), "", false},
		"refused, and nobody says why": {no, "500 ", hub.CodeUnavailable, false},
		"refused for our key":          {`{"error":"Invalid fp_hash"}`, inText(captured), hub.CodeAuth, true},
		"a fault":                      {"500 ", inText(captured), hub.CodeUnavailable, false},
		"a page":                       {"<html>", inText(captured), hub.CodeBadData, false},
		"neither success nor error":    {`{"success":"0"}`, inText(captured), hub.CodeBadData, false},
		"an empty answer":              {`{}`, inText(captured), hub.CodeBadData, false},
		"too many":                     {"429 ", inText(captured), hub.CodeBusy, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{answers: map[string][]string{"capture": {tc.capture}, "check_status": {inText(approved), tc.status}}}
			err := testAccount(t, s).Capturer.Capture(t.Context(), aRef, hub.Bani(5000), "k")
			if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.certain {
				t.Errorf("got %v (certain %v), want %q (certain %v)", err, hub.Certainly(err), tc.want, tc.certain)
			}
			if moves := count(s.asked, "capture"); moves != 1 {
				t.Errorf("got %d captures sent, want 1", moves)
			}
		})
	}
}

func count(asked []url.Values, method string) (n int) {
	for _, form := range asked {
		if form.Get("method") == method {
			n++
		}
	}
	return n
}

func TestAPartIsCapturedByItsOwnMethod(t *testing.T) {
	s := &script{answers: map[string][]string{"partial_capture": {done}, "check_status": {inText(approved)}}}
	if err := testAccount(t, s).Capturer.Capture(t.Context(), aRef, hub.Bani(3001), "k"); err != nil {
		t.Fatal(err)
	}
	sent := s.asked[len(s.asked)-1]
	if sent.Get("amount") != "30.01" || sent.Get("epid") != "EP1" || sent.Get("ukey") != "9c7a9d3f" {
		t.Errorf("got %v", sent)
	}
	want := euplatesc.Hash("FFEEDDCCBBAA99887766554433221100", "partial_capture", "9c7a9d3f", "30.01", "EP1", sent.Get("timestamp"), sent.Get("nonce"))
	if sent.Get("fp_hash") != want {
		t.Errorf("got fp_hash %s, want %s: the key of the user, in the documented order", sent.Get("fp_hash"), want)
	}
}

func TestAVoidNeverGivesBackWhatWasCaptured(t *testing.T) {
	for name, status := range map[string]string{"captured": inText(captured), "refused": inText(refused), "not paid": inText(opened)} {
		s := &script{answers: map[string][]string{"reversal": {done}, "check_status": {status}}}
		err := testAccount(t, s).Capturer.Void(t.Context(), aRef, "k")
		if hub.CodeOf(err) != hub.CodeConflict || !hub.Certainly(err) || count(s.asked, "reversal") != 0 {
			t.Errorf("%s: got %v after %d reversals; want a certain conflict after none", name, err, count(s.asked, "reversal"))
		}
	}
	twice := inText(approved, strings.Replace(approved, "EP1", "EP2", 1))
	s := &script{answers: map[string][]string{"reversal": {done}, "check_status": {twice}}}
	if err := testAccount(t, s).Capturer.Void(t.Context(), aRef, "k"); err != nil || count(s.asked, "reversal") != 2 {
		t.Errorf("paid twice: got %v after %d reversals, want both undone", err, count(s.asked, "reversal"))
	}
}

func FuzzAStatusIsUnderstoodOrRefused(f *testing.F) {
	for _, t := range []string{opened, approved, captured, refunded, undone, refused} {
		f.Add(inText(t))
		f.Add(`{"success":[` + t + `]}`)
	}
	f.Add(no)
	f.Add("00")
	f.Add(`{"success":[{"invoice_number":"FPS1","invoice_date":"2026-03-16","invoice_currency":"RON"}]}`)
	f.Fuzz(func(t *testing.T, answer string) {
		if len(answer) >= 4 && answer[3] == ' ' { // the script would take it for a status
			return
		}
		all := map[string][]string{}
		for _, method := range []string{"check_status", "capture", "partial_capture", "reversal", "refund", "invoices", "invoice", "check_mid"} {
			all[method] = []string{answer}
		}
		for _, extras := range [][]string{nil, euplatesc.Extras()} {
			p := testAccount(t, &script{answers: all}, extras...)
			facts, err := p.Charger.Lookup(t.Context(), aRef)
			if err == nil && (facts.Authorised < 0 || facts.Captured > facts.Authorised || facts.Refunded > facts.Captured) {
				t.Errorf("got %+v", facts)
			}
			if err := p.Capturer.Capture(t.Context(), aRef, hub.Bani(5000), "k"); err == nil && facts.Captured == 0 && facts.Authorised == 0 {
				t.Errorf("captured of nothing: %s", answer)
			}
			_ = p.Capturer.Void(t.Context(), aRef, "k")
			_ = p.Refunder.Refund(t.Context(), aRef, hub.Bani(1), nil, "k")
			_, _ = p.Settler.Settlement(t.Context(), testMerchant, "2026-03-16", "2026-03-18")
		}
	})
}
