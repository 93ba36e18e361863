package main

import (
	"log/slog"

	"racord/hub"
	"racord/hub/chain"
)

// openChain starts what gives the journal's bookings their places in the chain. A
// hub without a provider books nothing. Each checkpoint goes into the log, which is
// kept elsewhere: whoever has the database does not have that too.
func (h *runningHub) openChain() error {
	if len(h.payments.PSPs) == 0 {
		return nil
	}
	key, err := hub.SigningKey(h.master, hub.CheckpointKey)
	if err != nil {
		return err
	}
	h.meters.Chained()
	h.behind((&chain.Service{Parts: chain.Parts{
		Store: h.store, Key: key, Tell: tellCheckpoint(h.log), Whole: h.meters.Chained, Log: h.log,
	}}).Run)
	return nil
}

// tellCheckpoint writes checkpoints into a log, as keptCheckpoints reads them.
func tellCheckpoint(log *slog.Logger) func(hub.Checkpoint) {
	return func(c hub.Checkpoint) {
		log.Info("the journal was signed", slog.String("operation", "chain"), slog.String("checkpoint", c.String()))
	}
}
