package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// message is what a receiver is sent.
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the event
	Data      data      `json:"data"`
}

// data say what the event is about. State is that of the line, or else of the
// payment, when the message was sent: a receiver that hears late hears what is so.
type data struct {
	Payment  hub.PaymentID `json:"payment"`
	Seq      int           `json:"seq"` // the order of the payment's events
	Line     int           `json:"line,omitempty"`
	Creditor hub.Name      `json:"creditor,omitempty"`
	State    string        `json:"state"`
}

// compose makes the body of a notice's message.
func (t *Teller) compose(ctx context.Context, n *hub.Notice) ([]byte, error) {
	p, err := t.Payments.Payment(ctx, n.Payment)
	if err != nil {
		return nil, err
	}
	m := message{Type: n.Type, Timestamp: n.At.UTC(), Data: data{Payment: n.Payment, Seq: n.Seq, State: string(p.State())}}
	if l := p.Line(n.Line); l != nil {
		m.Data.Line, m.Data.Creditor, m.Data.State = l.No, l.Creditor, string(l.State)
	}
	return json.Marshal(m)
}

// request makes the signed request that tells a receiver.
func (e *Endpoint) request(ctx context.Context, id string, at time.Time, body []byte) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, secret := range e.Secrets {
		signatures = append(signatures, sign(secret, id, timestamp, body))
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "racord-webhooks/1")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", timestamp)
	r.Header.Set("Webhook-Signature", strings.Join(signatures, " "))
	return r, nil
}

// sign signs "id.timestamp.body" (Standard Webhooks 1.0.0, symmetric: HMAC-SHA256
// under the identifier v1).
func sign(secret hub.Secret, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = mac.Write([]byte(id + "." + timestamp + "."))
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
