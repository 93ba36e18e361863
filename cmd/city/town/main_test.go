package town_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails when a closed city leaves a goroutine behind.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), // the tests' own client keeps connections
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}
