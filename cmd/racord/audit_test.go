package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"racord/hub"
)

// unbalanced is a store whose journal is off, and which lists no accounts: there
// are several for each payment there ever was.
type unbalanced struct{ hub.Store }

func (unbalanced) JournalOff(context.Context) (int64, error) { return 700, nil }

func (unbalanced) Balances(context.Context) (map[string]int64, error) {
	return nil, hub.Errorf(hub.CodeInternal, "nobody asks for all accounts")
}

// TestAJournalThatIsOff is told by the audit and by verify.
func TestAJournalThatIsOff(t *testing.T) {
	w := newWorks(t)
	w.pays(w.awaits("a").ID)
	found, broken, _, err := auditOf(w.store)(t.Context(), hub.Changed{})
	if len(found) > 0 || broken != "" || err != nil {
		t.Fatalf("got %v, %q and %v of good books, want nothing", found, broken, err)
	}
	w.store = unbalanced{w.store}
	found, broken, _, err = auditOf(w.store)(t.Context(), hub.Changed{})
	if len(found) != 1 || found[0].Amount != 700 || !strings.Contains(broken, "7.00") || err != nil {
		t.Errorf("got %v, %q and %v, want a journal that is off by 7.00", found, broken, err)
	}
	if out, err := w.verify(verifyCommand{}); !errors.Is(err, errBroken) || !strings.Contains(out, "I5 journal: ") {
		t.Errorf("got %v, want the journal named\n%s", err, out)
	}
}
