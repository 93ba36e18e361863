package bearer_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"racord/cmd/city/bearer"
)

func TestAdmits(t *testing.T) {
	issuer := bearer.New("id", "secret", time.Minute)
	good := issuer.Token()
	for name, tc := range map[string]struct {
		header string
		want   bool
	}{
		"its own":          {"Bearer " + good, true},
		"nothing":          {"", false},
		"another scheme":   {"Basic " + good, false},
		"another issuer's": {"Bearer " + bearer.New("id", "secret", time.Minute).Token(), false},
		"a changed one":    {"Bearer A" + good[1:], false},
		"a short one":      {"Bearer " + good[:20], false},
	} {
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set("Authorization", tc.header)
		if got := issuer.Admits(request); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	issuer := bearer.New("id", "secret", -time.Second)
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.Token())
	if issuer.Admits(request) {
		t.Error("an expired token: got in, want out")
	}
}
