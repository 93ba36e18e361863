package hubtest

import (
	"bytes"
	"errors"
	"testing"

	"racord/hub"
)

// TestMasterKey runs what a database owes its master key. open opens one new
// database, each time as the only one, and the test closes it.
func TestMasterKey(t *testing.T, open func(master []byte) (hub.Store, error)) {
	other, who := bytes.Repeat([]byte{8}, hub.MasterKeyBytes), hub.Login{Issuer: "i", Subject: "s"}
	store, err := open(Master())
	wantCode(t, "Open", err, "")
	before, err := store.Enrol(t.Context(), who, "Ana", nil)
	wantCode(t, "Enrol", err, "")
	wantCode(t, "Close", store.Close(), "")
	for range 2 {
		store, err := open(other)
		if !errors.Is(err, hub.ErrOtherMaster) {
			if err == nil {
				_ = store.Close()
			}
			t.Errorf("another master key: got %v, want %v", err, hub.ErrOtherMaster)
		}
	}
	store, err = open(Master())
	wantCode(t, "Open again", err, "")
	after, err := store.Folder(t.Context(), who)
	if wantCode(t, "Folder", err, ""); after.Party.ID != before.Party.ID {
		t.Errorf("got party %s, want %s", after.Party.ID, before.Party.ID)
	}
	wantCode(t, "Close", store.Close(), "")
}
