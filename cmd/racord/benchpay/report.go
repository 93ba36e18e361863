package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// bar is what part of the bare transactions the service has to reach.
const bar = 0.25

// figure is one line of the report: a quantity of the service, beside that of the
// bare transactions where there is one.
type figure struct {
	Measurement string    `json:"measurement"`
	Quantity    string    `json:"quantity"`
	Racord      []float64 `json:"racord"` // every run
	Peer        string    `json:"peer,omitempty"`
	Peers       []float64 `json:"peers,omitempty"`
	Ratio       float64   `json:"ratio,omitempty"` // median of the ratios pair by pair
	Bar         string    `json:"bar,omitempty"`
	Reached     *bool     `json:"reached,omitempty"`
}

func compare(measurement, quantity, peer string, ours, peers []float64) figure {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / peers[i]
	}
	return figure{Measurement: measurement, Quantity: quantity, Racord: ours, Peer: peer, Peers: peers, Ratio: median(ratios)}
}

// atLeast sets the bar of a ratio; 0 sets none.
func (f figure) atLeast(bar float64) figure {
	if bar > 0 {
		yes := f.Ratio >= bar
		f.Bar, f.Reached = fmt.Sprintf("≥ %.2f", bar), &yes
	}
	return f
}

// shares tell what the store was asked for one payment.
func shares(measurement string, seen []tally) (figures []figure) {
	for call, name := range callNames {
		often := figure{Measurement: measurement, Quantity: name + "/payment"}
		took := figure{Measurement: measurement, Quantity: name + ", ms each"}
		for _, t := range seen {
			often.Racord = append(often.Racord, float64(t[call].count)/float64(max(t[callOpen].count, 1)))
			took.Racord = append(took.Racord, float64(t[call].took)/float64(time.Millisecond)/float64(max(t[call].count, 1)))
		}
		figures = append(figures, often, took)
	}
	return figures
}

// median gives the middle value, of an even number the mean of the two.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// report prints a table for people and then a JSON line for each figure.
func report(out io.Writer, facts []string, figures []figure) error {
	fmt.Fprintf(out, "\n%s\n\n", strings.Join(facts, "\n"))
	table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "measurement\tquantity\tracord\tpeer\tratio\tbar\t")
	for _, f := range figures {
		fmt.Fprintln(table, f.row())
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	lines := json.NewEncoder(out)
	for _, f := range figures {
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return nil
}

func (f figure) row() string {
	cells := []string{f.Measurement, f.Quantity, number(median(f.Racord)), "", "", ""}
	if len(f.Peers) > 0 {
		cells[3] = number(median(f.Peers)) + " " + f.Peer
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
	if n >= 100 {
		return fmt.Sprintf("%.0f", n)
	}
	return fmt.Sprintf("%.2f", n)
}
