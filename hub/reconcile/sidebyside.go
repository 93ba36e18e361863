package reconcile

import (
	"sync"
	"sync/atomic"
)

// lookUpsAtOnce is how many orders a provider is asked about at once: it answers payers
// at the same time.
const lookUpsAtOnce = 16

// sideBySide does something for each number below n, for so many at once as a provider
// is asked about. While one is slow the others go on.
func sideBySide(n int, do func(i int)) {
	var begun atomic.Int64
	var all sync.WaitGroup
	for range min(n, lookUpsAtOnce) {
		all.Go(func() {
			for i := int(begun.Add(1)); i <= n; i = int(begun.Add(1)) {
				do(i - 1)
			}
		})
	}
	all.Wait()
}
