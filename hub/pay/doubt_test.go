package pay_test

import (
	"testing"
	"testing/synctest"
	"time"

	"racord/hub"
	"racord/hub/pay"
)

// replaceAnswers lets a creditor answer something else from now on.
func (s *scene) replaceAnswers(name hub.Name, with func(hub.Answer, error) (hub.Answer, error)) {
	parts := s.parts()
	withConnectors(&parts, func(c *hub.Connector) {
		if c.Creditor.Name == name {
			c.Source = bentSource{c.Source, with}
		}
	})
	s.Service = pay.New(parts, pay.Conf{})
}

// doubtful are answers from which it does not follow that what they do not list
// is gone.
var doubtful = map[string]func(*hub.Answer){
	"a record is damaged":    func(a *hub.Answer) { a.Refused = []hub.QualityEvent{{Code: "unknown_value"}} },
	"the list is not final":  func(a *hub.Answer) { a.Provisional = true },
	"it was not listed anew": func(a *hub.Answer) { a.Published, a.AsOf = true, a.AsOf.Add(-time.Hour) },
}

func TestWhatCannotBeReadIsNotGone(t *testing.T) {
	for name, doubt := range doubtful {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScene(1, 0, pay.Conf{})
				p, err := s.open(t.Context(), "k1", s.owe(1, "alpha"), hub.BestEffort)
				if err != nil {
					t.Fatal(err)
				}
				s.authorise(p)
				s.settle(t, 20*time.Second)
				s.replaceAnswers("alpha", func(a hub.Answer, err error) (hub.Answer, error) { doubt(&a); return a, err })
				s.settle(t, time.Hour)
				p = s.mustEnd(t, p.ID, hub.PaymentSettled)
				if !p.Lines[0].ClearedAt.IsZero() {
					t.Error("the debt counts as gone")
				}
				if claims, err := s.ledger.Claims(t.Context()); err != nil || len(claims) != 1 {
					t.Errorf("got claims %+v (%v), want that on the debt held", claims, err)
				}
				s.replaceAnswers("alpha", func(a hub.Answer, err error) (hub.Answer, error) { return a, err })
				s.settle(t, 2*time.Hour)
				if p = s.mustEnd(t, p.ID, hub.PaymentSettled); p.Lines[0].ClearedAt.IsZero() {
					t.Error("it is still not gone when its creditor can be read again")
				}
			})
		})
	}
}

// TestADamagedRecordIsSilenceNotANo damages the record of a debt after it was
// quoted: its creditor's word holds, and nobody is told that it is owed no more.
func TestADamagedRecordIsSilenceNotANo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(1, 0, pay.Conf{})
		items := s.owe(1, "alpha")
		p, err := s.open(t.Context(), "k1", items, hub.BestEffort)
		if err != nil {
			t.Fatal(err)
		}
		s.replaceAnswers("alpha", func(a hub.Answer, err error) (hub.Answer, error) {
			a.Obligations, a.Refused = nil, []hub.QualityEvent{{Code: "unknown_value"}}
			return a, err
		})
		q, err := s.Quote(t.Context(), who, "portal", items)
		if err != nil || q.Lines[0].Code != hub.CodeBadData {
			t.Errorf("got %+v (%v), want it refused because its record cannot be read", q.Lines[0], err)
		}
		s.authorise(p)
		s.settle(t, time.Minute)
		s.mustEnd(t, p.ID, hub.PaymentSettled)
	})
}
