package telemetry

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"racord/hub"
)

// openingHours are the creditors, by their labels, that declared when they are closed.
type openingHours = atomic.Pointer[map[string]hub.Traits]

// openMetrics tells of creditors' hours when metrics are asked for: what a closed
// creditor does not do is no reason to get up.
type openMetrics struct {
	*Telemetry
	open *prometheus.Desc
}

func describeOpen() *prometheus.Desc {
	return prometheus.NewDesc("racord_creditor_open_seconds",
		"Business time since a creditor that declares when it is closed has been open, 0 while it is closed.", []string{"connector"}, nil)
}

// Describe names the metric.
func (o *openMetrics) Describe(to chan<- *prometheus.Desc) { to <- o.open }

// Collect looks at the clock.
func (o *openMetrics) Collect(to chan<- prometheus.Metric) {
	hours := o.hours.Load()
	if hours == nil {
		return
	}
	now := o.business()
	for label, traits := range *hours {
		seconds := 0.0
		if _, closed := traits.Closed(now); !closed {
			seconds = now.Sub(traits.OpenSince(now)).Seconds()
		}
		to <- gaugeOf(o.open, seconds, label)
	}
}
