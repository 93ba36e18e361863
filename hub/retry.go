package hub

import "context"

type retryKey struct{}

// WithRetries lets the call under ctx repeat its reads as long as allow says
// so. The guard gives the budget, the outgoing client asks it.
func WithRetries(ctx context.Context, allow func() bool) context.Context {
	return context.WithValue(ctx, retryKey{}, allow)
}

// MayRetry asks whether one more try is within the budget. Without a budget it
// is not.
func MayRetry(ctx context.Context) bool {
	allow, ok := ctx.Value(retryKey{}).(func() bool)
	return ok && allow()
}
