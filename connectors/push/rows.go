package push

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"racord/connectors"
	"racord/connectors/lines"
	"racord/hub"
)

// rows turns the rows of one body into records.
type rows struct{ reading *connectors.Reading }

// single reads a body that is one obligation.
func (r *rows) single(body io.Reader) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		text, err := io.ReadAll(io.LimitReader(body, lines.Longest+1))
		switch {
		case err != nil:
			yield(hub.Record{}, cut(err))
		case len(text) > lines.Longest:
			yield(refuse("bad_row", "", lines.ErrLong.Error()), nil)
		default:
			yield(r.object(text), nil)
		}
	}
}

// lined reads a body with an obligation on every line.
func (r *rows) lined(body io.Reader) iter.Seq2[hub.Record, error] {
	in := lines.New(body)
	in.SkipMark()
	return r.following(in, r.object)
}

// following gives a record for every line that is left. Empty ones are nobody's.
func (r *rows) following(in *lines.Reader, record func(line []byte) hub.Record) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		for {
			line, err := in.Next()
			var one hub.Record
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.Is(err, lines.ErrLong):
				one = refuse("bad_row", "", err.Error())
			case err != nil:
				yield(hub.Record{}, cut(err))
				return
			case len(bytes.TrimSpace(line)) == 0:
				continue
			default:
				one = record(line)
			}
			one.Line = in.Number
			if !yield(one, nil) {
				return
			}
		}
	}
}

// object maps one obligation in JSON.
func (r *rows) object(text []byte) hub.Record {
	if !utf8.Valid(text) {
		return refuse("bad_row", "", "not UTF-8")
	}
	parsed, err := connectors.ParseJSON(text)
	if err != nil {
		return refuse("bad_row", "", "not one JSON object")
	}
	defer parsed.Release()
	if _, object := parsed.Root().Any().(map[string]any); !object {
		return refuse("bad_row", "", "not one JSON object")
	}
	return r.record(parsed.Root())
}

// record maps one obligation and finds what only a sender can get wrong.
func (r *rows) record(v connectors.Value) hub.Record {
	o, refused := r.reading.Record(v)
	switch {
	case refused != nil:
		_, field, _ := strings.Cut(refused.Field, "].")
		return whose(o, refuse(refused.Code, field, refused.Detail))
	case o.Account == "":
		return whose(o, refuse("missing_field", "account", "there is nothing"))
	case hub.ValidCNP(o.ExternalID):
		return whose(o, refuse("personal_id", "id", "an id stands in addresses and must not be a personal code"))
	}
	for i := range o.Quality {
		if e := &o.Quality[i]; e.Code != "iban_not_approved" { // a sender can put the rest right
			field, detail, named := strings.Cut(e.Detail, ": ")
			if !named {
				field, detail = "", e.Detail
			}
			return whose(o, refuse(e.Code, field, detail))
		}
	}
	return hub.Record{Account: o.Account, Obligation: o}
}

// whose says which obligation was refused and whose it is, where that was read.
func whose(o hub.Obligation, r hub.Record) hub.Record {
	r.Account = o.Account
	if !hub.ValidCNP(o.ExternalID) {
		r.Obligation.ExternalID = o.ExternalID
	}
	return r
}

func refuse(code, field, detail string) hub.Record {
	return hub.Record{Refused: &hub.QualityEvent{Code: code, Field: field, Detail: detail}}
}

// cut is a body that ended in its middle.
func cut(err error) error {
	var known *hub.Error
	if errors.As(err, &known) {
		return known
	}
	return hub.Wrap(hub.CodeBadData, err, "The body did not arrive whole.")
}
