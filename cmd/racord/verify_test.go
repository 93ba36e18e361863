package main_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestVerifyTellsRightBooksFromWrongOnes pays once and verifies, by look-ups and
// against the city's own books; then the provider gives money back that nobody
// asked for.
func TestVerifyTellsRightBooksFromWrongOnes(t *testing.T) {
	d := startDemo(t)
	var quote struct{ Quote string }
	d.ask("POST", "/v1/quotes", map[string]any{"lines": d.basket()}, 200, &quote)
	if p := d.pay(quote.Quote); p.State != "settled" {
		t.Fatalf("got %s, want a settled payment", p.State)
	}
	for _, more := range [][]string{nil, {"--city", d.city}} {
		out, err := d.verify(more...)
		if err != nil || strings.Contains(out, "BROKEN") || strings.Count(out, "holds") != 12 || !strings.Contains(out, "1 payments") {
			t.Errorf("verify %v: got %v, want twelve that hold\n%s", more, err, out)
		}
	}
	var book struct {
		Orders []struct {
			ID       string
			Captured int64 `json:"captured_bani"`
		}
	}
	d.ask("GET", "/__ctl/psp/netopia/book", nil, 200, &book)
	if len(book.Orders) == 0 || book.Orders[0].Captured == 0 {
		t.Fatalf("got %+v, want an order that was taken", book.Orders)
	}
	d.ask("POST", "/__ctl/psp/netopia/orders/"+book.Orders[0].ID+"/refund", map[string]int64{"amount_bani": 100}, 200, nil)
	if out, err := d.verify("--city", d.city); err == nil || !strings.Contains(out, "BROKEN") {
		t.Errorf("got %v after a refund that nobody asked for, want a broken invariant\n%s", err, out)
	}
}

func (d *demo) verify(more ...string) (string, error) {
	out, err := exec.Command(program, append([]string{"verify", "--demo", d.data}, more...)...).CombinedOutput()
	return string(out), err
}
