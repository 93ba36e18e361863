package roster

import (
	"context"

	"racord/hub"
)

// halt lets a connector give no answer. What a quarantined one said before is not
// shown either, nor what one said that was in quarantine before a person put it
// aside.
func (r *Roster) halt(c *hub.Connector, d hub.Deployment) {
	c.Source = halted(d.Stage)
	if d.Stage == hub.StageQuarantined {
		c.Held = func() bool { return true }
	} else {
		r.hold(c, d.Creditor)
	}
}

// hold lets a connector know whether its creditor's live version is in quarantine.
func (r *Roster) hold(c *hub.Connector, creditor hub.Name) {
	if r.Held != nil {
		c.Held = func() bool { return r.Held(creditor) }
	}
}

// halted is a creditor whose live version was taken out of service: what it is
// owed is not known, and the view says so.
type halted hub.Stage

func (s halted) Obligations(context.Context, hub.Asked) (hub.Answer, error) {
	if hub.Stage(s) == hub.StageQuarantined {
		return hub.Answer{}, hub.Errorf(hub.CodeForeignData, "The connector is quarantined.")
	}
	return hub.Answer{}, hub.Errorf(hub.CodeMaintenance, "The connector is suspended.")
}
