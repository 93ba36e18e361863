package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"racord/hub"
	"racord/hub/push"
)

// Sending takes what creditors send; push.Service is one.
type Sending interface {
	Send(ctx context.Context, who hub.Caller, creditor hub.Name, d push.Delivery, wrong func(push.Wrong) error) (push.Summary, error)
	Put(ctx context.Context, who hub.Caller, creditor hub.Name, id string, body io.Reader) (push.Summary, error)
	Cancel(ctx context.Context, who hub.Caller, creditor hub.Name, account, id string) (push.Summary, error)
	Restore(ctx context.Context, who hub.Caller, creditor hub.Name, account, id string) (push.Summary, error)
}

// longestDelivery in bytes is taken in one request: some millions of rows.
const longestDelivery = 1 << 30

// longestID is how many bytes a creditor's id of a debt, or code of an account,
// may have.
const longestID = 200

// sent is an obligation that a creditor sends something about.
type sent struct {
	creditor hub.Name
	id       string
	account  string
	body     io.Reader
}

// delivered is many obligations, on their way in, and the report on its way out.
type delivered struct {
	creditor hub.Name
	push.Delivery
	report *spool
	whole  push.Summary
}

func decodeSender(r *http.Request) (hub.Name, error) {
	name := hub.Name(r.PathValue("creditor"))
	if !name.Valid() {
		return "", invalid("creditor", "not a creditor's name")
	}
	return name, nil
}

// decodeSent reads the names in the address.
func decodeSent(r *http.Request) (s sent, err error) {
	if _, err = params(r); err != nil {
		return s, err
	}
	if s.creditor, err = decodeSender(r); err != nil {
		return s, err
	}
	if s.id = r.PathValue("id"); s.id == "" || len(s.id) > longestID || hub.ValidCNP(s.id) {
		return s, invalid("id", "not an id: at most 200 bytes, and no personal code")
	}
	s.body = http.MaxBytesReader(nil, r.Body, longestBody)
	return s, nil
}

func decodePut(r *http.Request) (sent, error) {
	s, err := decodeSent(r)
	if form, _ := formOf(r); err == nil && form != hub.FormJSON {
		return s, hub.Errorf(codeMediaType, "The body must be application/json in UTF-8.")
	}
	return s, err
}

// decodeChange reads a cancellation or restoration: the account stands in the
// body, because an account's code stands in no address.
func decodeChange(r *http.Request) (sent, error) {
	s, err := decodeSent(r)
	if err != nil {
		return s, err
	}
	var body struct {
		Account string `json:"account"`
	}
	if err := decodeJSON(r, &body); err != nil {
		return s, err
	}
	if s.account = body.Account; s.account == "" || len(s.account) > longestID {
		return s, invalid("/account", "must be the code of the account, at most 200 bytes")
	}
	return s, nil
}

// formOf reads the type of the body, which is UTF-8.
func formOf(r *http.Request) (hub.Form, error) {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := options["charset"]; err != nil || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", hub.Errorf(codeMediaType, "The body must be in UTF-8, and say what it is.")
	}
	return hub.Form(kind), nil
}

// decodeDelivery reads everything but the rows: ?mode=delta or full, ?rows=, how
// many there are, and ?as_of=, what they speak about.
func decodeDelivery(r *http.Request) (d delivered, err error) {
	query, err := params(r, "mode", "rows", "as_of")
	if err != nil {
		return d, err
	}
	if d.creditor, err = decodeSender(r); err != nil {
		return d, err
	}
	if d.Form, err = formOf(r); err != nil {
		return d, err
	}
	switch d.Full = query.Get("mode") == "full"; {
	case !d.Full && query.Get("mode") != "delta" && query.Has("mode"):
		return d, invalid("mode", "must be delta or full")
	case d.Form != hub.FormNDJSON && d.Form != hub.FormCSV:
		return d, hub.Errorf(codeMediaType, "Many obligations come as %s or %s.", hub.FormNDJSON, hub.FormCSV)
	}
	if d.Rows = -1; query.Has("rows") {
		if d.Rows, err = strconv.Atoi(query.Get("rows")); err != nil || d.Rows < 0 {
			return d, invalid("rows", "must be a whole number")
		}
	}
	if query.Has("as_of") {
		if d.AsOf, err = time.Parse(time.RFC3339, query.Get("as_of")); err != nil {
			return d, invalid("as_of", "must be a moment of RFC 3339 with its zone")
		}
	}
	w := r.Context().Value(writerKey{}).(http.ResponseWriter)
	d.Body, d.report = &patientBody{http.MaxBytesReader(w, r.Body, longestDelivery), http.NewResponseController(w)}, &spool{}
	return d, nil
}

// rowTime is how long the next part of a delivery, or of its report, may take.
const rowTime = 30 * time.Second

// patientBody puts off the server's deadlines while a delivery arrives: a long
// one may take long, but not stand still.
type patientBody struct {
	body  io.Reader
	conns *http.ResponseController
}

func (b *patientBody) Read(p []byte) (int, error) {
	until := time.Now().Add(rowTime)
	_ = b.conns.SetReadDeadline(until) // where there are no deadlines, none need be put off
	_ = b.conns.SetWriteDeadline(until.Add(rowTime))
	return b.body.Read(p)
}

// sendMany takes a delivery and gathers the report, or its beginning and how much
// is missing.
func (a *API) sendMany(ctx context.Context, _ hub.Login, d delivered) (delivered, error) {
	if a.Sending == nil {
		return d, errNotOffered
	}
	unlisted := 0
	whole, err := a.Sending.Send(ctx, exchangeOf(ctx).caller, d.creditor, d.Delivery, func(w push.Wrong) error {
		line, err := json.Marshal(w)
		if err != nil {
			return err
		}
		if unlisted > 0 || d.report.full(line) {
			unlisted++
			return nil
		}
		return d.report.line(line)
	})
	if err != nil {
		d.report.close()
	}
	whole.Unlisted = unlisted
	d.whole = whole
	return d, theirs(err)
}

// theirs gives a failure of a delivery the code that says whose fault it is: what
// is bad data from a creditor we asked is a bad request from one that sends.
func theirs(err error) error {
	var tooLong *http.MaxBytesError
	switch code := hub.CodeOf(err); {
	case errors.As(err, &tooLong):
		return hub.Wrap(codeTooLarge, err, "The body is too long.")
	case code == hub.CodeBadData:
		return hub.Wrap(codeMalformed, err, hub.MessageOf(err))
	case code == hub.CodeUnsupported:
		return hub.Wrap(codeMediaType, err, hub.MessageOf(err))
	}
	return err
}

func (a *API) sendOne(ctx context.Context, _ hub.Login, s sent) (push.Summary, error) {
	if a.Sending == nil {
		return push.Summary{}, errNotOffered
	}
	sum, err := a.Sending.Put(ctx, exchangeOf(ctx).caller, s.creditor, s.id, s.body)
	return sum, theirs(err)
}

func (a *API) sendCancel(ctx context.Context, _ hub.Login, s sent) (push.Summary, error) {
	if a.Sending == nil {
		return push.Summary{}, errNotOffered
	}
	sum, err := a.Sending.Cancel(ctx, exchangeOf(ctx).caller, s.creditor, s.account, s.id)
	return sum, theirs(err)
}

func (a *API) sendRestore(ctx context.Context, _ hub.Login, s sent) (push.Summary, error) {
	if a.Sending == nil {
		return push.Summary{}, errNotOffered
	}
	sum, err := a.Sending.Restore(ctx, exchangeOf(ctx).caller, s.creditor, s.account, s.id)
	return sum, theirs(err)
}

// writeSent answers 200, or 202 when a person has to look first.
func writeSent(x *exchange, w http.ResponseWriter, sum push.Summary) error {
	body, err := json.Marshal(sum)
	if err != nil {
		return err
	}
	return x.send(w, sentStatus(sum), typeJSON, body)
}

func sentStatus(sum push.Summary) int {
	if sum.Outcome == push.Held {
		return http.StatusAccepted
	}
	return http.StatusOK
}

var typeNDJSON = []string{"application/x-ndjson"}

// writeRows answers with a line for every row that was not taken, and then the
// summary.
func writeRows(x *exchange, w http.ResponseWriter, d delivered) error {
	defer d.report.close()
	last, err := json.Marshal(struct {
		Summary push.Summary `json:"summary"`
	}{d.whole})
	if err == nil {
		err = d.report.line(last)
	}
	if err != nil {
		return err
	}
	lines, err := d.report.read()
	if err != nil {
		return err
	}
	x.head(w.Header())
	w.Header()["Content-Type"] = typeNDJSON
	w.WriteHeader(sentStatus(d.whole))
	_, _ = io.Copy(w, lines) // a client that left needs no answer
	return nil
}
