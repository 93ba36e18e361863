package rediscache

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo sends what go-redis has to say to a logger, instead of to standard
// error. The library has one logger for the process: main calls this once. Only
// the kind of a message is logged, never what it is about.
func LogTo(log *slog.Logger) { redis.SetLogger(logger{log}) }

type logger struct{ log *slog.Logger }

// Printf logs the format and drops the values.
func (l logger) Printf(ctx context.Context, format string, _ ...any) {
	l.log.LogAttrs(ctx, slog.LevelDebug, "redis client", slog.String("kind", format))
}
