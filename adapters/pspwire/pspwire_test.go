package pspwire_test

import (
	"context"
	"errors"
	"io"
	"math"
	"math/big"
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"racord/adapters/pspwire"
	"racord/hub"
)

func TestAnAmountIsReadToTheBan(t *testing.T) {
	for lei, want := range map[string]int64{
		"0": 0, "20.5": 2050, "20.50": 2050, "200": 20000, "0.01": 1, "0.1": 10, "20.499999999999996": 2050,
		"20.005": 2001, "20.0049": 2000, "2e2": 20000, "2.05E+1": 2050, "2050e-2": 2050, "92233720368547758.07": math.MaxInt64,
	} {
		if got, err := pspwire.Bani(lei); got != want || err != nil {
			t.Errorf("%s: got %d, %v; want %d", lei, got, err, want)
		}
	}
}

func TestWhatIsNoAmountIsRefused(t *testing.T) {
	for _, lei := range []string{
		"", ".", "1.", ".5", "-1", "+1", "01", "1,50", "1.234,50", " 1", "1 ", "NaN", "Inf", "0x10", "1_000", "1/3", "1e", "1e+", "1e999",
		"1e-+1", "1p4", "1e1e1", "92233720368547758.08", strings.Repeat("1", 41), "٣",
	} {
		if got, err := pspwire.Bani(lei); err == nil {
			t.Errorf("%q: got %d, want an error", lei, got)
		}
	}
}

func TestAnAmountSurvivesTheWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bani := rapid.Int64Range(1, math.MaxInt64).Draw(t, "bani")
		lei, err := pspwire.Lei(hub.Bani(bani))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pspwire.Bani(lei); got != bani || err != nil {
			t.Fatalf("%s: got %d, %v; want %d", lei, got, err, bani)
		}
		// As a provider that counts in floats would write it.
		if bani > 1<<50 {
			return
		}
		float, _ := new(big.Float).SetInt64(bani).Float64()
		written := big.NewFloat(float/100).Text('g', 17)
		if got, err := pspwire.Bani(written); got != bani || err != nil {
			t.Fatalf("%s: got %d, %v; want %d", written, got, err, bani)
		}
	})
}

func TestOnlyPositiveLeiAreWritten(t *testing.T) {
	for _, m := range []hub.Money{hub.Bani(0), hub.Bani(-1), {Minor: 100, Currency: "EUR"}} {
		if _, err := pspwire.Lei(m); hub.CodeOf(err) != hub.CodeInvalid || !hub.Certainly(err) {
			t.Errorf("%s: got %v, want a certain invalid", m, err)
		}
	}
}

func FuzzBani(f *testing.F) {
	for _, seed := range []string{"20.5", "1e2", "-1", "1e-99", "0.005"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, lei string) {
		if got, err := pspwire.Bani(lei); err == nil && got < 0 {
			t.Errorf("%q: got %d", lei, got)
		}
	})
}

// answers is a provider that says one thing.
type answers struct {
	status int
	header http.Header
	body   io.Reader
	err    error
}

func (a answers) Do(*http.Request) (*http.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(a.body)}, nil
}

type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestAFailureSaysWhetherAnythingCanHaveBeenDone(t *testing.T) {
	empty := strings.NewReader("")
	for name, tc := range map[string]struct {
		says    answers
		want    hub.Code
		certain bool
	}{
		"an answer":                    {answers{status: 200, body: empty}, "", false},
		"a refusal is for the adapter": {answers{status: 400, body: empty}, "", false},
		"not found is for the adapter": {answers{status: 404, body: empty}, "", false},
		"no connection came to be":     {answers{err: hub.NotDone(hub.Errorf(hub.CodeUnavailable, "dial"))}, hub.CodeUnavailable, true},
		"the connection broke":         {answers{err: hub.Errorf(hub.CodeUnavailable, "reset")}, hub.CodeUnavailable, false},
		"silence":                      {answers{err: hub.Errorf(hub.CodeTimeout, "late")}, hub.CodeTimeout, false},
		"the answer broke off":         {answers{status: 200, body: cut{}}, hub.CodeUnavailable, false},
		"our key was refused":          {answers{status: 401, body: empty}, hub.CodeAuth, true},
		"we may not":                   {answers{status: 403, body: empty}, hub.CodeAuth, true},
		"too many requests":            {answers{status: 429, body: empty}, hub.CodeBusy, true},
		"a fault of theirs":            {answers{status: 500, body: empty}, hub.CodeUnavailable, false},
		"closed":                       {answers{status: 503, body: empty}, hub.CodeUnavailable, false},
		"a redirect":                   {answers{status: 302, body: empty}, hub.CodeBadData, false},
		"a timeout of a proxy":         {answers{status: 408, body: empty}, hub.CodeBadData, false},
		"too long":                     {answers{status: 200, body: io.LimitReader(zeros{}, pspwire.MaxAnswer+1)}, hub.CodeBadData, false},
		"what nobody classified":       {answers{err: errors.New("surprise")}, hub.CodeUnavailable, false},
	} {
		t.Run(name, func(t *testing.T) {
			req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://psp.invalid/", nil)
			_, err := pspwire.Exchange(tc.says, req)
			if hub.CodeOf(err) != tc.want || hub.Certainly(err) != tc.certain {
				t.Errorf("got %v (certain %v), want %q (certain %v)", err, hub.Certainly(err), tc.want, tc.certain)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
