package main_test

import (
	"net/http"
	"strings"
	"testing"

	"racord/cmd/city/town"
)

// TestTheCitySetsTheQuotasOfPaying: what stands in racord.yaml is what requests
// about payments are counted by.
func TestTheCitySetsTheQuotasOfPaying(t *testing.T) {
	city := startTown(t, town.Config{})
	hub := newSite(t, city, plan{More: "limits: {starts_per_minute: 7, payments_per_minute: 8, references_per_minute: 9}\n"}).start()
	citizen, err := city.Token(t.Context(), city.People()[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, asked := range []struct {
		method, path string
		by           portal
		want         string
	}{
		{http.MethodPost, "/v1/quotes", portal{hub.url, citizen}, `"starts";q=7;w=60`},
		{http.MethodGet, "/v1/payments", portal{hub.url, citizen}, `"payments";q=8;w=60`},
		{http.MethodPost, "/v1/quotes", portal{hub.url, at(t, city, hub, "demo-portal-service").token}, `"references";q=9;w=60`},
	} {
		_, header, _, err := asked.by.do(t.Context(), asked.method, asked.path, nil)
		if got := header.Get("RateLimit-Policy"); err != nil || !strings.HasPrefix(got, asked.want) {
			t.Errorf("%s %s: got %q (%v), want %s", asked.method, asked.path, got, err, asked.want)
		}
	}
}
