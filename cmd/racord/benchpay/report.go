package main

import (
	"time"

	"racord/cmd/racord/gauge"
)

// bar is what part of the bare transactions the service has to reach.
const bar = 0.25

// shares tell what the store was asked for one payment.
func shares(measurement string, seen []tally) (figures []gauge.Figure) {
	for call, name := range callNames {
		often := gauge.Figure{Measurement: measurement, Quantity: name + "/payment"}
		took := gauge.Figure{Measurement: measurement, Quantity: name + ", ms each"}
		for _, t := range seen {
			often.Racord = append(often.Racord, float64(t[call].count)/float64(max(t[callOpen].count, 1)))
			took.Racord = append(took.Racord, float64(t[call].took)/float64(time.Millisecond)/float64(max(t[call].count, 1)))
		}
		figures = append(figures, often, took)
	}
	return figures
}
