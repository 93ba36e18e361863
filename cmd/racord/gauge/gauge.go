// Package gauge holds what was measured beside a peer and says whether a bar was
// reached. What counts is the ratio of both in one run: machines differ.
package gauge

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Figure is one line of a report: a quantity of ours beside a peer's.
type Figure struct {
	Measurement string    `json:"measurement"`
	Quantity    string    `json:"quantity"`
	Racord      []float64 `json:"racord"` // every run
	Peer        string    `json:"peer,omitempty"`
	Peers       []float64 `json:"peers,omitempty"`
	Ratio       float64   `json:"ratio,omitempty"` // median of the ratios pair by pair
	Bar         string    `json:"bar,omitempty"`
	Reached     *bool     `json:"reached,omitempty"`
}

// Compare makes a figure of two contenders' runs.
func Compare(measurement, quantity, peer string, ours, peers []float64) Figure {
	return Figure{Measurement: measurement, Quantity: quantity, Racord: ours, Peer: peer, Peers: peers, Ratio: Pairwise(ours, peers)}
}

// Alone makes a figure without a peer.
func Alone(measurement, quantity string, ours ...float64) Figure {
	return Figure{Measurement: measurement, Quantity: quantity, Racord: ours}
}

// AtLeast sets the bar of the ratio.
func (f Figure) AtLeast(bar float64) Figure {
	f.Bar = fmt.Sprintf("≥ %.2f", bar)
	return f.reached(f.Ratio >= bar)
}

// AtMost sets the bar of the ratio.
func (f Figure) AtMost(bar float64) Figure {
	f.Bar = fmt.Sprintf("≤ %.2f", bar)
	return f.reached(f.Ratio <= bar)
}

// Within sets a bar on the figure itself.
func (f Figure) Within(most float64) Figure {
	f.Bar = fmt.Sprintf("≤ %.0f", most)
	return f.reached(Median(f.Racord) <= most)
}

func (f Figure) reached(yes bool) Figure {
	f.Reached = &yes
	return f
}

// Median gives the middle value, of an even number the mean of the two. It needs
// at least one.
func Median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// Pairwise gives the median of the ratios of each round, in which both were
// measured one right after the other.
func Pairwise(ours, peers []float64) float64 {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / peers[i]
	}
	return Median(ratios)
}

// Report prints a table for people and then a JSON line for each figure.
func Report(out io.Writer, facts []string, all []Figure) error {
	fmt.Fprintf(out, "\n%s\n\n", strings.Join(facts, "\n"))
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "measurement\tquantity\tracord\tpeer\tratio\tbar\t")
	for _, f := range all {
		fmt.Fprintln(table, f.row())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	lines := json.NewEncoder(out)
	for _, f := range all {
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func (f Figure) row() string {
	cells := []string{f.Measurement, f.Quantity, number(Median(f.Racord)), "", "", ""}
	if len(f.Peers) > 0 {
		cells[3] = number(Median(f.Peers)) + " " + f.Peer
		cells[4] = fmt.Sprintf("%.2f", f.Ratio)
	}
	if f.Reached != nil {
		verdict := "NOT reached"
		if *f.Reached {
			verdict = "reached"
		}
		cells[5] = f.Bar + " " + verdict
	}
	return strings.Join(cells, "\t") + "\t"
}

func number(n float64) string {
	switch {
	case n >= 1000:
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}
