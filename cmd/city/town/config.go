package town

import (
	"fmt"
	"time"

	"racord/cmd/city/calendar"
)

// Config says which city to start. The zero value is a small one on free
// loopback ports, with its clock at 2026-03-15 10:00 in Bucharest.
type Config struct {
	Seed        int64     // the same seed gives the same city
	Size        string    // XS = 200 people, S = 2,000 (default), M = 40,000, L = 400,000
	Listen      string    // HTTP, host:port; default 127.0.0.1:0
	SFTPListen  string    // the heating company's files; default 127.0.0.1:0
	TLSListen   string    // the register of road fines; default 127.0.0.1:0
	DataDir     string    // where the waste operator's SQLite file goes; default a temporary folder removed by Close
	PostgresDSN string    // a superuser's DSN: the waste view lives there instead of in a SQLite file
	Latency     string    // none (default), calm or real
	Clock       time.Time // virtual time at the start
	PSPExtras   bool      // payment providers offer what their documentation does not

	PSPRetries []time.Duration // between attempts to notify the hub; default pspbook.Retries
}

// sizes in people; XS is for tests that need few.
var sizes = map[string]int{"XS": 200, "S": 2_000, "M": 40_000, "L": 400_000}

func (c Config) withDefaults() (Config, error) {
	if c.Size == "" {
		c.Size = "S"
	}
	if _, ok := sizes[c.Size]; !ok {
		return c, fmt.Errorf("town: unknown size %q (XS, S, M, L)", c.Size)
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.SFTPListen == "" {
		c.SFTPListen = "127.0.0.1:0"
	}
	if c.TLSListen == "" {
		c.TLSListen = "127.0.0.1:0"
	}
	if c.Clock.IsZero() {
		c.Clock = time.Date(2026, time.March, 15, 10, 0, 0, 0, calendar.Bucharest)
	}
	return c, nil
}

// The creditors' passwords are the same in every city, so that manifests and
// examples work with any of them. They protect invented data only.
const (
	finesKey          = "napoca-test-fines-8f1c"
	ditlUser          = "racord"
	ditlPassword      = "Ditl!Napoca&Test"
	waterID           = "racord-water"
	waterSecret       = "napoca-test-water-52d7"
	electricityID     = "racord-electricity"
	electricitySecret = "napoca-test-electricity-b90e"
	heatingUser       = "racord"
	heatingPassword   = "napoca-test-heating-17aa"
	wastePassword     = "napoca-test-waste-3c64"
	associationsToken = "napoca-test-associations-9b0f"
	gasKey            = "napoca-test-gas-41d9"
	transportUser     = "racord"
	transportPassword = "Ctp=Napoca&Test#1"
	parkingKey        = "napoca-test-parking-c3e8"
	portalSecret      = "napoca-test-portal-e2f5"
)
