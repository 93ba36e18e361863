package sqlview

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"modernc.org/sqlite"

	"racord/connectors"
	"racord/hub"
)

// classes are what SQLSTATE classes and codes mean (PostgreSQL, appendix A). The
// longest that fits counts.
var classes = map[string]hub.Code{
	"28":    hub.CodeAuth,        // invalid authorization
	"42501": hub.CodeAuth,        // insufficient privilege
	"53":    hub.CodeBusy,        // insufficient resources, too many connections
	"55P03": hub.CodeBusy,        // lock not available
	"57014": hub.CodeTimeout,     // statement timeout
	"57P":   hub.CodeUnavailable, // shutting down or starting
	"42703": hub.CodeBadData,     // undefined column
	"42P01": hub.CodeUnavailable, // undefined table: a view is away while it is made anew
	"22":    hub.CodeBadData,     // data exception
	"23":    hub.CodeBadData,     // a constraint is violated
	"42":    hub.CodeBadData,
}

const tooManyConnections = "53300"

// SQLite's primary result codes (sqlite.org/rescode.html).
const (
	sqliteError     = 1
	sqliteBusy      = 5
	sqliteLocked    = 6
	sqliteInterrupt = 9
	sqliteNotADB    = 26
)

// classify gives a database's failure its code. The database's own words are
// for us only, and hold no data: the query has one parameter, which they do not
// repeat.
func classify(ctx context.Context, err error) error {
	if hub.CodeOf(err) != hub.CodeInternal && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err // the turn's own
	}
	if ctx.Err() != nil {
		return connectors.Failure(hub.CodeOf(ctx.Err()), err)
	}
	var server *pgconn.PgError
	var file *sqlite.Error
	var large *pgproto3.ExceededMaxBodyLenErr
	var slow net.Error
	switch {
	case errors.As(err, &server):
		return connectors.Failure(ofState(server.Code), errors.New("SQLSTATE "+server.Code))
	case errors.As(err, &file):
		return connectors.Failure(ofSQLite(file), err)
	case errors.As(err, &large):
		return connectors.Failure(hub.CodeBadData, large)
	case errors.As(err, &slow) && slow.Timeout():
		return connectors.Failure(hub.CodeTimeout, err)
	default:
		return connectors.Failure(hub.CodeUnavailable, err)
	}
}

func ofState(state string) hub.Code {
	for n := len(state); n >= 2; n-- {
		if code, known := classes[state[:n]]; known {
			return code
		}
	}
	return hub.CodeUnavailable
}

func ofSQLite(e *sqlite.Error) hub.Code {
	switch e.Code() & 0xff {
	case sqliteBusy, sqliteLocked, sqliteInterrupt:
		return hub.CodeTimeout
	case sqliteNotADB:
		return hub.CodeBadData
	case sqliteConstraint:
		if e.Code() == sqliteTrigger {
			return hub.CodeUnavailable
		}
		return hub.CodeBadData
	case sqliteError:
		if strings.Contains(e.Error(), "no such column") {
			return hub.CodeBadData
		}
		return hub.CodeUnavailable // no such table: a view is away while it is made anew
	default:
		return hub.CodeUnavailable
	}
}

// aboutNames tells whether a query failed because of a name in it.
func aboutNames(err error) bool {
	var server *pgconn.PgError
	var file *sqlite.Error
	switch {
	case errors.As(err, &server):
		return server.Code == "42703"
	case errors.As(err, &file):
		return file.Code()&0xff == sqliteError && strings.Contains(file.Error(), "no such column")
	default:
		return false
	}
}

// crowded tells whether the server had no connection left.
func crowded(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == tooManyConnections
}

// pause waits a moment, longer from attempt to attempt. It is false when there
// is no time left.
func pause(ctx context.Context, attempt int) bool {
	return hub.Sleep(ctx, time.Duration(attempt+1)*(20*time.Millisecond+rand.N(30*time.Millisecond)))
}
