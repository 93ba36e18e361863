package telemetry

import (
	"io"
	"log/slog"
	"regexp"
	"slices"

	"racord/hub"
)

// keys are the fields a log line may have. The value of any other is hidden: a
// new field is first thought about, then added here.
var keys = []string{
	slog.TimeKey, slog.LevelKey, slog.MessageKey,
	"operation", "connector", "code", "outcome", "reason", "state", "stage", "barrier", "job", "portal", "trace_id", "took", "error",
	"field", "detail", "records", "refused", "as_of", "class", "from", "to", "type", "stack", "address", "file", "version", "signal", "replicas",
	"creditor", "psp", "order", "payment", "line", "refund", "no", "kind", "receiver", "event", "events", "tries", "notice", "channel", "issuer", "by",
	"certificate", "ends_on", "days", "schema", "known", "checkpoint",
}

// hidden stands for the value of a field that is not allowed.
const hidden = "<hidden>"

// Always is the level of lines that somebody else keeps: no level of a logger
// leaves them out. They are written as information.
const Always = slog.Level(16)

// NewLogger gives a logger that writes JSON lines at or above a level: debug,
// info, warn or error; see also Always. Fields that are not on the list are hidden, and addresses
// and codes are cut out of texts, whoever wrote them. It fails with CodeInvalid
// for another level.
func NewLogger(w io.Writer, level string) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, hub.Errorf(hub.CodeInvalid, "log level %q is none of debug, info, warn, error", level)
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: least, ReplaceAttr: tidy})), nil
}

func tidy(_ []string, a slog.Attr) slog.Attr {
	if !slices.Contains(keys, a.Key) {
		return slog.String(a.Key, hidden)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if a.Key == "trace_id" || a.Key == "checkpoint" {
			return a // hashes, of whose signs many can be digits
		}
		return slog.String(a.Key, scrub(a.Value.String()))
	case slog.KindDuration:
		return slog.String(a.Key, a.Value.Duration().String())
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, scrub(err.Error()))
		}
		if a.Value.Any() == Always {
			return slog.Any(a.Key, slog.LevelInfo)
		}
		if a.Key != slog.LevelKey {
			return slog.String(a.Key, scrub(a.Value.String()))
		}
	}
	return a
}

var (
	addresses = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"']+`)
	tokens    = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{4,}(\.[A-Za-z0-9_-]*)*`)
	codes     = regexp.MustCompile(`[0-9]{13}`)
)

// scrub cuts addresses, tokens and what looks like a personal code out of a
// text. It is the last wall, not the first: texts do not hold them anyway.
func scrub(text string) string {
	text = addresses.ReplaceAllString(text, "<address>")
	text = tokens.ReplaceAllString(text, "<token>")
	return codes.ReplaceAllString(text, "<number>")
}
