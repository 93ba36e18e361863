package hub

// Conflicts that callers tell apart, all of CodeConflict. Whoever keeps payments
// returns them as they are or wrapped.
var (
	// ErrKeyUsed says that an Idempotency-Key came before with another request.
	ErrKeyUsed = Errorf(CodeConflict, "The Idempotency-Key was used for another request.")
	// ErrQuoteUsed says that a quote was turned into a payment before.
	ErrQuoteUsed = Errorf(CodeConflict, "The quote was used already. Ask for a new one.")
)
