package connectortest

import (
	"context"
	"strings"
	"sync/atomic"

	"racord/hub"
)

// credentialsChange lets the creditor see wrong credentials once, and then puts
// them right under a connector that stays open.
func credentialsChange(ctx context.Context, r *run) finding {
	if r.answerErr != nil || r.connector.Source == nil {
		return skipped("there is no answer to compare with")
	}
	spoiled := &spoiled{}
	spoiled.on.Store(true)
	c, w, err := r.open(ctx, tamper{secret: spoiled.secret})
	if err != nil {
		return skipped("it does not open with wrong credentials")
	}
	_, err = r.question(ctx, c)
	switch {
	case spoiled.texts.Load() == 0:
		return skipped("it sends no credentials that can be changed letter by letter")
	case err == nil:
		return failed(w, "an answer came although the credentials were wrong")
	case hub.CodeOf(err) != hub.CodeAuth:
		return failed(w, "wrong credentials gave %v; want code auth", err)
	}
	spoiled.on.Store(false)
	if _, err = r.question(ctx, c); err != nil {
		return failed(w, "after the credentials were put right the answer failed with %v", err)
	}
	return passed()
}

// spoiled makes credentials wrong while it is on. Keys and certificates are left
// as they are: letters added to them would change nothing.
type spoiled struct {
	on    atomic.Bool
	texts atomic.Int32 // how many were made wrong
}

func (s *spoiled) secret(value string) string {
	if !s.on.Load() || strings.Contains(value, "-----BEGIN") {
		return value
	}
	s.texts.Add(1)
	return value + "-wrong"
}
