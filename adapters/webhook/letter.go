package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"racord/hub"
)

// letterMessage is what a creditor is sent about its own connector.
type letterMessage struct {
	Type      string     `json:"type"` // connector.address_changed and so on
	Timestamp time.Time  `json:"timestamp"`
	Data      letterData `json:"data"`
}

type letterData struct {
	Creditor hub.Name `json:"creditor"`
	Version  int      `json:"version,omitempty"`
	Detail   string   `json:"detail"`
}

// Deliver makes one attempt to tell a creditor's endpoint of a notice about its
// connector. It fails with CodeUnsupported when the creditor has no endpoint that
// wants it, and else as the endpoint does.
func (t *Teller) Deliver(ctx context.Context, l hub.Letter) error {
	to, kind := hub.CreditorReceiver(l.Creditor), "connector."+l.Notice.Kind
	for i := range t.Endpoints {
		if e := &t.Endpoints[i]; e.Receiver == to && e.wants(kind) {
			return t.deliver(ctx, e, &l, kind)
		}
	}
	return hub.Errorf(hub.CodeUnsupported, "The creditor has no webhook that takes such events.")
}

func (t *Teller) deliver(ctx context.Context, e *Endpoint, l *hub.Letter, kind string) error {
	ctx, cancel := context.WithTimeout(ctx, t.conf.Timeout)
	defer cancel()
	body, err := json.Marshal(letterMessage{kind, l.Notice.At.UTC(), letterData{l.Creditor, l.Notice.Version, l.Notice.Detail}})
	if err != nil {
		return err
	}
	r, err := e.request(ctx, fmt.Sprintf("notice_%s_%d", l.Creditor, l.No), time.Now(), body)
	if err != nil {
		return err
	}
	answer, err := e.HTTP.Do(r)
	if err != nil {
		return hub.Wrap(hub.CodeOf(err), err, "The endpoint cannot be reached.")
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostAnswer)
	err = judged(answer.StatusCode)
	if hub.CodeOf(err) == codeGone {
		return hub.Errorf(hub.CodeUnsupported, "The endpoint says that it is gone (410).")
	}
	return err
}
