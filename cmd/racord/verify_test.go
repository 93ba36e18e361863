package main_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"
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
		if err != nil || strings.Contains(out, "BROKEN") || strings.Count(out, "holds") != 14 || !strings.Contains(out, "1 payments") {
			t.Errorf("verify %v: got %v, want fourteen that hold\n%s", more, err, out)
		}
	}
	if strings.Contains(d.log.String(), "the journal was signed") {
		t.Errorf("got checkpoints between what a demo says, want them only where somebody keeps them\n%s", d.log)
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

// TestTheDemosBooksAgree pays once, lets two nights pass, compares the books of
// everybody, and then has the provider give all back that it took.
func TestTheDemosBooksAgree(t *testing.T) {
	d := startDemo(t)
	var quote struct{ Quote string }
	d.ask("POST", "/v1/quotes", map[string]any{"lines": d.basket()}, 200, &quote)
	if p := d.pay(quote.Quote); p.State != "settled" {
		t.Fatalf("got %s, want a settled payment", p.State)
	}
	for range 2 {
		d.ask("POST", "/__ctl/day", map[string]string{"until": "07:00"}, 200, nil)
	}
	time.Sleep(2 * time.Second) // a hub follows the city's clock
	var found struct {
		Differences []struct {
			Job, Kind, Name string
			Amount          int64 `json:"amount_bani"`
		}
	}
	d.ask("POST", "/jobs/audit", nil, 403, nil, "Origin", "https://page.example") // a web page presses no button
	for _, job := range []string{"provider", "settlement", "creditor", "bank", "audit", "ageing"} {
		d.ask("POST", "/jobs/"+job, nil, 200, nil)
	}
	if d.ask("GET", "/differences", nil, 200, &found); len(found.Differences) > 0 {
		t.Fatalf("got %+v in books that agree, want nothing", found.Differences)
	}
	var book struct {
		Orders []struct {
			ID       string
			Captured int64 `json:"captured_bani"`
		}
	}
	d.ask("GET", "/__ctl/psp/netopia/book", nil, 200, &book)
	d.ask("POST", "/__ctl/psp/netopia/orders/"+book.Orders[0].ID+"/refund", map[string]int64{"amount_bani": book.Orders[0].Captured}, 200, nil)
	d.ask("POST", "/jobs/provider", nil, 200, nil)
	d.ask("GET", "/differences?job=provider", nil, 200, &found)
	if len(found.Differences) != 1 || found.Differences[0].Kind != "other_refund" || found.Differences[0].Amount != -book.Orders[0].Captured {
		t.Errorf("got %+v after a refund that nobody asked for, want it", found.Differences)
	}
}
