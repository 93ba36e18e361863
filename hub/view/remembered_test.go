package view_test

import (
	"reflect"
	"testing"
	"testing/synctest"

	"racord/hub"
)

// TestTheLastAnswerIsRemembered holds what is remembered of a question against
// what was answered.
func TestTheLastAnswerIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCity(t, answers{"water": owes(700, 250)})
		asked := hub.Asked{Party: "party-1", Identifier: hub.Identifier{Scheme: hub.SchemeCNP, Value: cnp}}
		if _, _, err := c.Remembered(t.Context(), "water", asked); hub.CodeOf(err) != hub.CodeNotFound {
			t.Fatalf("got %v before anything was asked, want not found", err)
		}
		c.view()
		want, _ := owes(700, 250)(t.Context(), asked)
		got, fetched, err := c.Remembered(t.Context(), "water", asked)
		if err != nil || fetched.IsZero() || !got.Published || !got.AsOf.Equal(want.AsOf) {
			t.Fatalf("got %+v of %v, %v, want the answer as a published one", got, fetched, err)
		}
		for i := range want.Obligations {
			o, w := got.Obligations[i], want.Obligations[i]
			if o.ID != w.ID || o.Outstanding != w.Outstanding || !reflect.DeepEqual(o.Options, w.Options) {
				t.Errorf("got %+v, want %+v", o, w)
			}
		}
		c.Close()
	})
}
