package view_test

import (
	"context"
	"testing"

	"racord/hub"
)

// BenchmarkWarmView measures a view of six remembered pages, 8 KB in all, from
// the question to the encoded answer.
func BenchmarkWarmView(b *testing.B) {
	c := benchCity(b)
	buffer := make([]byte, 0, 16<<10)
	b.ReportAllocs()
	for b.Loop() {
		v, err := c.Of(context.Background(), ana, anything)
		if err != nil {
			b.Fatal(err)
		}
		buffer = v.AppendJSON(buffer[:0])
		v.Release()
	}
	b.SetBytes(int64(len(buffer)))
}

func benchCity(b *testing.B) *city {
	b.Helper()
	script := answers{}
	for _, name := range []hub.Name{"tax", "fines", "water", "heat", "waste", "power"} {
		script[name] = owes(100, 200, 300, 400)
	}
	c := newCity(b, script)
	c.view()
	return c
}
