package webhook

import "time"

// Schedule gives how long the usual attempts take in all.
func Schedule() (total time.Duration) {
	for _, wait := range (Conf{}).withDefaults().Waits {
		total += wait
	}
	return total
}
