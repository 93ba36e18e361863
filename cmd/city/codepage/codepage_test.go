package codepage_test

import (
	"testing"

	"racord/cmd/city/codepage"
)

func TestAppend(t *testing.T) {
	for name, tc := range map[string]struct {
		page *codepage.Page
		text string
		want string
	}{
		"comma becomes cedilla":   {codepage.Windows1250, "Mureșan Țîrlea", "Mure\xbaan \xde\xeerlea"},
		"Hungarian in 1250":       {codepage.Windows1250, "Lőrincz", "L\xf5rincz"},
		"Romanian in 852":         {codepage.CP852, "șțăîâ", "\xad\xee\xc7\x8c\x83"},
		"unknown letters give up": {codepage.Windows1250, "日", "?"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(tc.page.Append(nil, tc.text)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestAppendLei(t *testing.T) {
	for bani, want := range map[int64]string{
		0: "0,00", 5: "0,05", -1: "-0,01", 25750: "257,50", 128477: "1.284,77", -100000: "-1.000,00",
		100000005: "1.000.000,05", 1001: "10,01", 100500000: "1.005.000,00",
	} {
		if got := string(codepage.AppendLei(nil, bani)); got != want {
			t.Errorf("AppendLei(%d): got %s, want %s", bani, got, want)
		}
	}
}
