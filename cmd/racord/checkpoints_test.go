package main_test

import (
	"strings"
	"testing"
	"time"

	"racord/cmd/city/town"
)

// TestCheckpointsAreToldWhateverIsLogged pays at a hub that logs errors only, and
// verifies with what that left outside the database.
func TestCheckpointsAreToldWhateverIsLogged(t *testing.T) {
	city := startTown(t, town.Config{Size: "XS"})
	s := newSite(t, city, plan{More: taking(t, city, "ditl", "fines") + "log: error\n"})
	r := s.start()
	payAll(t, payers(t, city, r.url, 1))
	for range 100 {
		if strings.Contains(r.log.String(), `"checkpoint":"`) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	out, err := racord(t, "verify", "--config", s.file, "--checkpoints", s.write("hub.log", r.log.String()))
	if err != nil {
		t.Errorf("got %v, want the checkpoints in the log\n%s\n%s", err, out, r.log)
	}
}
