package kinds_test

import (
	"testing"

	"racord/cmd/city/gate"
	"racord/cmd/city/town"
	"racord/hub"
)

func TestWhatParkingDoesIsNoticed(t *testing.T) {
	c := payingTown(t)
	connector := connectorOf(t, "parking", c)
	ana, err := c.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	who := hub.Asked{Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: ana.CNP}}
	for kind, check := range map[gate.Kind]func(hub.Answer, error) bool{
		gate.StreamCut: func(a hub.Answer, err error) bool {
			return hub.CodeOf(err) == hub.CodeUnavailable && len(a.Obligations) == 0
		},
		gate.Malformed:    func(a hub.Answer, err error) bool { return err != nil && len(a.Obligations) == 0 },
		gate.WrongCoding:  func(a hub.Answer, err error) bool { return err != nil && len(a.Obligations) == 0 },
		gate.WrongCitizen: func(a hub.Answer, err error) bool { return hub.CodeOf(err) == hub.CodeForeignData },
		gate.RateLimited: func(_ hub.Answer, err error) bool {
			return hub.CodeOf(err) == hub.CodeBusy && hub.RetryAfterOf(err) > 0
		},
		gate.Maintenance: func(_ hub.Answer, err error) bool { return hub.CodeOf(err) == hub.CodeMaintenance },
		gate.NewValue: func(a hub.Answer, err error) bool {
			return err == nil && len(a.Obligations) == 2 && len(a.Refused) == 1 && a.Refused[0].Code == "unknown_value"
		},
		gate.PlateLetters: func(a hub.Answer, err error) bool {
			return err == nil && len(a.Obligations) == 3 && a.Obligations[0].Subject.Label == "CJ 01 AAA" && a.Obligations[0].Quality[0].Code == "plate_repaired"
		},
	} {
		if err := c.Fault("parking", town.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		a, err := connector.Source.Obligations(t.Context(), who)
		c.ClearFaults()
		if !check(a, err) {
			t.Errorf("%s: got %+v, %v", kind, a, err)
		}
	}
}

func TestFinesOfAnotherTownAreShownAndNotPaidHere(t *testing.T) {
	c, err := town.Start(t.Context(), town.Config{Size: "S", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	connector := connectorOf(t, "roadfines", c)
	seen := 0
	for _, p := range c.People() {
		for _, asked := range connector.Questions(folderOf(p, "roadfines")) {
			answer, err := connector.Source.Obligations(t.Context(), asked)
			if err != nil {
				continue
			}
			for _, o := range answer.Obligations {
				if o.Status != hub.StatusSuspended {
					continue
				}
				seen++
				if len(o.Options) != 0 || o.Outstanding.Minor <= 0 {
					t.Errorf("got %+v, want something owed that cannot be paid here", o)
				}
				_, err := connector.Sink.Post(t.Context(), []hub.Posting{{
					ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1", Obligation: o.ID, ExternalID: o.ExternalID, Amount: o.Outstanding, PaidAt: c.Now(),
				}})
				if hub.CodeOf(err) != hub.CodeNotPayable || !hub.Certainly(err) {
					t.Errorf("got %v (certain %t), want it refused for certain", err, hub.Certainly(err))
				}
			}
		}
	}
	if seen == 0 {
		t.Error("got no fine of another town, want some")
	}
}
