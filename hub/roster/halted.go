package roster

import (
	"context"

	"racord/hub"
)

// halt lets a connector give no answer. What a quarantined one said before is not
// shown either.
func halt(c *hub.Connector, stage hub.Stage) {
	c.Source = halted(stage)
	if stage == hub.StageQuarantined {
		c.Held = func() bool { return true }
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
