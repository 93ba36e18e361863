package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// figure is one line of the report: a quantity of the hub beside its peer's.
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

// compare makes a figure of two contenders' runs.
func compare(measurement, quantity, peer string, ours, peers []float64) figure {
	return figure{Measurement: measurement, Quantity: quantity, Racord: ours, Peer: peer, Peers: peers, Ratio: pairwise(ours, peers)}
}

// alone makes a figure without a peer.
func alone(measurement, quantity string, ours ...float64) figure {
	return figure{Measurement: measurement, Quantity: quantity, Racord: ours}
}

// atLeast sets the bar of a ratio.
func (f figure) atLeast(bar float64) figure {
	f.Bar = fmt.Sprintf("≥ %.2f", bar)
	return f.reached(f.Ratio >= bar)
}

// atMost sets the bar of a ratio.
func (f figure) atMost(bar float64) figure {
	f.Bar = fmt.Sprintf("≤ %.2f", bar)
	return f.reached(f.Ratio <= bar)
}

// within sets a bar on the figure itself.
func (f figure) within(most float64) figure {
	f.Bar = fmt.Sprintf("≤ %.0f", most)
	return f.reached(median(f.Racord) <= most)
}

func (f figure) reached(yes bool) figure {
	f.Reached = &yes
	return f
}

// report prints a table for people and then a JSON line for each figure.
func report(out io.Writer, facts []string, figures []figure) error {
	fmt.Fprintln(out)
	for _, fact := range facts {
		fmt.Fprintln(out, fact)
	}
	fmt.Fprintln(out)
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
	switch {
	case n >= 1000:
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}
