package soap_test

import (
	"context"
	"testing"
	"time"

	"racord/hub"
)

// BenchmarkAnswer reads the tax office's answer about one citizen: from bytes in
// windows-1250 to obligations, without the network.
func BenchmarkAnswer(b *testing.B) {
	body := in1250(b, envelope("windows-1250", debts))
	env := way(b, hub.ClockFunc(func() time.Time { return noon }), map[string]string{"ditl-user": "u", "ditl-password": "p"})
	env.Read = scripted{xml1250, body}
	c := open(b, env, "http://127.0.0.1:1")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if a, err := c.Source.Obligations(context.Background(), person(ion)); err != nil || len(a.Obligations) != 3 {
			b.Fatal(len(a.Obligations), err)
		}
	}
}
