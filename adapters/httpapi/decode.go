package httpapi

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/hub"
	"racord/hub/view"
)

// invalid names one thing that is wrong with a request.
func invalid(pointer, detail string) error {
	return invalids([]hub.Field{{Pointer: pointer, Code: hub.CodeInvalid, Detail: detail}})
}

// invalids names all that is wrong with a request.
func invalids(wrong []hub.Field) error {
	err := hub.Errorf(hub.CodeInvalid, "The request is not valid; errors says where.")
	err.Fields = wrong
	return err
}

func fieldsOf(err error) []hub.Field {
	var typed *hub.Error
	if errors.As(err, &typed) {
		return typed.Fields
	}
	return nil
}

// params reads a query of which only the known parameters are allowed.
func params(r *http.Request, known ...string) (url.Values, error) {
	if r.URL.RawQuery == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, hub.Wrap(codeMalformed, nil, "The query cannot be read.")
	}
	for name := range query {
		if !slices.Contains(known, name) {
			return nil, invalid(shortened(name), "unknown parameter")
		}
	}
	return query, nil
}

// longNumber is what may be somebody's code.
var longNumber = regexp.MustCompile(`[0-9]{6,}`)

// shortened keeps what a client made up from filling the answer, and a personal
// code in the place of a name from being repeated.
func shortened(s string) string {
	const most = 64
	s = longNumber.ReplaceAllString(s, "***")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}

// none is the request of an operation that takes nothing.
type none struct{}

func decodeNothing(r *http.Request) (none, error) {
	_, err := params(r)
	return none{}, err
}

// mostCreditors is how many a view can be narrowed to.
const mostCreditors = 64

// decodeAsk reads ?creditor=a&creditor=b (or a,b) and ?max_staleness=30s (or
// whole seconds).
func decodeAsk(r *http.Request) (view.Ask, error) {
	ask := view.Ask{MaxStaleness: -1}
	query, err := params(r, "creditor", "max_staleness")
	if err != nil || query == nil {
		return ask, err
	}
	for _, value := range query["creditor"] {
		for name := range strings.SplitSeq(value, ",") {
			if !hub.Name(name).Valid() {
				return ask, invalid("creditor", "not a creditor's name")
			}
			ask.Creditors = append(ask.Creditors, hub.Name(name))
		}
	}
	if len(ask.Creditors) > mostCreditors {
		return ask, invalid("creditor", "more than 64 creditors")
	}
	if ages, ok := query["max_staleness"]; ok {
		ask.MaxStaleness, err = decodeAge(ages)
	}
	return ask, err
}

func decodeAge(values []string) (time.Duration, error) {
	if len(values) != 1 {
		return 0, invalid("max_staleness", "given more than once")
	}
	if n, err := strconv.ParseUint(values[0], 10, 31); err == nil {
		return time.Duration(n) * time.Second, nil
	}
	age, err := time.ParseDuration(values[0])
	if err != nil || age < 0 {
		return 0, invalid("max_staleness", "neither whole seconds nor a duration such as 90s or 5m")
	}
	return age, nil
}

// byAccept chooses between the answer as JSON and as something else: a stream of
// events, a document. HEAD opens no stream: nobody would read it.
func (a *API) byAccept(kind string, inJSON, other http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		accepts := r.Header["Accept"]
		stream := kind == "text/event-stream"
		if len(accepts) == 0 || accepts[0] == "*/*" || accepts[0] == "application/json" || stream && r.Method == http.MethodHead {
			inJSON.ServeHTTP(w, r)
			return
		}
		asJSON, asOther := quality(accepts, "application/json"), quality(accepts, kind)
		switch {
		case asOther > asJSON:
			other.ServeHTTP(w, withWriter(r, w))
		case asJSON > 0:
			inJSON.ServeHTTP(w, r)
		default:
			writeProblem(newExchange(r), w, hub.Errorf(codeNotAcceptable, "This comes as application/json or %s.", kind))
		}
	})
}

// quality is how much a client wants a type (RFC 9110 §12.5.1), from 0 to 1. The
// most specific range that matches decides.
func quality(accepts []string, want string) float64 {
	best, specific := 0.0, -1
	family, _, _ := strings.Cut(want, "/")
	for _, line := range accepts {
		for item := range strings.SplitSeq(line, ",") {
			kind, options, err := mime.ParseMediaType(item)
			rank := slices.Index([]string{"*/*", family + "/*", want}, kind)
			if err != nil || rank < specific || rank < 0 {
				continue
			}
			best, specific = weight(options["q"]), rank
		}
	}
	return best
}

func weight(q string) float64 {
	if q == "" {
		return 1
	}
	w, err := strconv.ParseFloat(q, 64)
	if err != nil || w < 0 || w > 1 {
		return 0
	}
	return w
}
