package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// TestAClosedCreditorIsQuotedFromItsLastWord quotes a debt at night, when its
// creditor is closed, from what the view remembers.
func TestAClosedCreditorIsQuotedFromItsLastWord(t *testing.T) {
	night := []hub.Window{{From: 0, To: 24*60 - 1}}
	for name, tc := range map[string]struct {
		windows []hub.Window
		most    time.Duration // quote_max_age
		age     time.Duration // of what is remembered
		until   time.Duration // how long that is good; 0 = not said
		paid    string        // through the hub, since: an external id
		state   pay.QuoteState
		code    hub.Code
	}{
		"young enough":                {night, 8 * time.Hour, time.Hour, 0, "", pay.Confirmed, ""},
		"too old":                     {night, 8 * time.Hour, 9 * time.Hour, 0, "", pay.Refused, hub.CodeUnavailable},
		"good no more":                {night, 8 * time.Hour, time.Hour, 30 * time.Minute, "", pay.Refused, hub.CodeUnavailable},
		"paid since":                  {night, 8 * time.Hour, time.Hour, 0, "D1", pay.Refused, hub.CodeMaintenance},
		"paid inside it since":        {night, 8 * time.Hour, time.Hour, 0, "D2", pay.Refused, hub.CodeMaintenance},
		"its manifest does not allow": {night, 0, time.Hour, 0, "", pay.Refused, hub.CodeTimeout},
		"silent at a time it is open": {nil, 8 * time.Hour, time.Hour, 0, "", pay.Refused, hub.CodeTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				items, o := s.owe(1, "beta"), s.offices["beta"]
				o.debts["D2"], o.inside = 500, map[string]string{"D1": "D2"}
				last, err := o.Obligations(t.Context(), hub.Asked{})
				if err != nil {
					t.Fatal(err)
				}
				last.Published = true
				if tc.until > 0 {
					last.ValidUntil = last.AsOf.Add(tc.until)
				}
				seen := pages{last, time.Now()}
				time.Sleep(tc.age)
				s.clock.Advance(tc.age)
				if tc.paid != "" {
					paid := []pay.Item{{Creditor: "beta", Wanted: hub.Wanted{Obligation: hub.NewObligationID("beta", tc.paid)}}}
					p, err := s.open(t.Context(), "k", paid, hub.BestEffort)
					if err != nil {
						t.Fatal(err)
					}
					s.authorise(p)
					s.settle(t, 20*time.Minute) // longer than its claim
				}
				o.silent = true
				for _, c := range s.fleet {
					if c.Creditor.Name == "beta" {
						c.Traits.Windows, c.Traits.Paying.QuoteMaxAge = tc.windows, tc.most
					}
				}
				parts := s.parts()
				parts.Pages = seen
				q, err := pay.New(parts, pay.Conf{}).Quote(t.Context(), who, "portal", items)
				if err != nil {
					t.Fatal(err)
				}
				l := q.Lines[0]
				if l.State != tc.state || l.Code != tc.code || l.State == pay.Confirmed && l.Line.Verified != hub.VerifiedSnapshot {
					t.Errorf("got %s %q %s, want %s %q from the last word", l.State, l.Code, l.Line.Verified, tc.state, tc.code)
				}
			})
		})
	}
}
