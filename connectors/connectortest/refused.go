package connectortest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// wait is how long a busy creditor asks us to wait.
const wait = 7 * time.Second

func tooMany(ctx context.Context, r *run) finding {
	busy := page(http.StatusTooManyRequests, "text/plain", "slow down")
	busy.header.Set("Retry-After", "7")
	_, w, err := r.disturbed(ctx, tamper{instead: busy})
	switch {
	case hub.CodeOf(err) != hub.CodeBusy:
		return failed(w, "the status 429 gave %v; want code busy", orNothing(err))
	case hub.RetryAfterOf(err) != wait:
		return failed(w, "Retry-After: 7 became a wait of %s", hub.RetryAfterOf(err))
	}
	return passed()
}

func brokenServer(ctx context.Context, r *run) finding {
	codes := []hub.Code{hub.CodeUnavailable, hub.CodeBusy, hub.CodeMaintenance}
	for _, status := range []int{http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout} {
		_, w, err := r.disturbed(ctx, tamper{instead: page(status, "text/html", "<html><body>"+http.StatusText(status)+"</body></html>")})
		if !slices.Contains(codes, hub.CodeOf(err)) {
			return failed(w, "the status %d gave %v; want one of the codes %v", status, orNothing(err), codes)
		}
	}
	return passed()
}

// closedSaysWhen answers as a system does that is closed for maintenance.
func closedSaysWhen(ctx context.Context, r *run) finding {
	closed := page(http.StatusServiceUnavailable, "text/plain", "closed")
	closed.header.Set("Retry-After", "7")
	a, w, err := r.disturbed(ctx, tamper{instead: closed})
	codes := []hub.Code{hub.CodeMaintenance, hub.CodeUnavailable, hub.CodeBusy}
	switch {
	case !slices.Contains(codes, hub.CodeOf(err)):
		return failed(w, "the status 503 gave %v and %d debts; want one of the codes %v", orNothing(err), len(a.Obligations), codes)
	case hub.RetryAfterOf(err) != wait:
		return failed(w, "Retry-After: 7 became a wait of %s", hub.RetryAfterOf(err))
	}
	return passed()
}

func refusedCredentials(ctx context.Context, r *run) finding {
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		_, w, err := r.disturbed(ctx, tamper{instead: page(status, "text/plain", "no")})
		if hub.CodeOf(err) != hub.CodeAuth {
			return failed(w, "the status %d gave %v; want code auth", status, orNothing(err))
		}
	}
	return passed()
}

func wordsNotRepeated(ctx context.Context, r *run) finding {
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError} {
		_, w, err := r.disturbed(ctx, tamper{instead: page(status, "text/plain; charset=utf-8", words)})
		switch {
		case err == nil:
			return failed(w, "a sentence instead of an answer gave no error")
		case strings.Contains(hub.MessageOf(err), words):
			return failed(w, "the creditor's words stand in the sentence for citizens (status %d)", status)
		case strings.Contains(err.Error(), words):
			return failed(w, "the creditor's words stand in the error (status %d)", status)
		}
	}
	return passed()
}
