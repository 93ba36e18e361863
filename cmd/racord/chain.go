package main

import (
	"context"
	"log/slog"

	"racord/adapters/telemetry"
	"racord/hub"
	"racord/hub/chain"
)

// openChain starts what gives the journal's bookings their places in the chain. A
// hub without a provider books nothing. Each checkpoint goes into the log at any
// level: it is kept elsewhere, where whoever has the database cannot change it.
func (h *runningHub) openChain(setup hubSetup) error {
	if len(h.payments.PSPs) == 0 {
		return nil
	}
	key, err := hub.SigningKey(h.master, hub.CheckpointKey)
	if err != nil {
		return err
	}
	told := telemetry.Always
	if setup.Demo {
		told = slog.LevelInfo
	}
	h.meters.Chained()
	h.behind((&chain.Service{Parts: chain.Parts{
		Store: h.store, Key: key, Tell: tellCheckpoint(h.log, told), Whole: h.meters.Chained, Log: h.log,
	}}).Run)
	return nil
}

// tellCheckpoint writes checkpoints into a log, as keptCheckpoints reads them.
func tellCheckpoint(log *slog.Logger, level slog.Level) func(hub.Checkpoint) {
	return func(c hub.Checkpoint) {
		log.Log(context.Background(), level, "the journal was signed", slog.String("operation", "chain"), slog.String("checkpoint", c.String()))
	}
}
