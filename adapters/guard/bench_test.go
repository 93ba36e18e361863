package guard_test

import (
	"context"
	"testing"
	"time"

	"racord/adapters/guard"
	"racord/hub"
)

// BenchmarkPass is what the guard adds to a call that is answered at once.
func BenchmarkPass(b *testing.B) {
	for name, t := range map[string]hub.Traits{
		"open all day":    {MaxInflight: 64, Timeout: time.Second},
		"closed at night": {MaxInflight: 64, Timeout: time.Second, Windows: []hub.Window{{From: 23*60 + 30, To: 4*60 + 30}}},
	} {
		noon := time.Date(2026, 3, 15, 12, 0, 0, 0, hub.Bucharest)
		c := &hub.Connector{Creditor: hub.Creditor{Name: "water"}, Traits: t, Source: instant{}}
		parts := guard.Parts{Allowance: guard.Fixed("water", guard.LimitsOf(t)), Clock: hub.ClockFunc(func() time.Time { return noon })}
		s := guard.Connector(c, parts, guard.Conf{}).Source
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := s.Obligations(ctx, hub.Asked{}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkTurn is what a rate limit adds to a request.
func BenchmarkTurn(b *testing.B) {
	a := guard.Fixed("water", guard.Limits{RPS: 1e9})
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Turn(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefusal is what a call costs while the breaker is open.
func BenchmarkRefusal(b *testing.B) {
	s, _ := guarded(&creditor{act: fails(hub.Errorf(hub.CodeUnavailable, "down"))}, traits, guard.Conf{})
	for range 8 {
		_ = ask(s)
	}
	b.ReportAllocs()
	for b.Loop() {
		_ = ask(s)
	}
}

type instant struct{}

func (instant) Obligations(context.Context, hub.Asked) (hub.Answer, error) { return hub.Answer{}, nil }
