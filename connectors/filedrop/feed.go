package filedrop

import (
	"context"
	"errors"
	"time"

	"racord/connectors"
	"racord/hub"
)

// feed is a folder as a hub.Feed.
type feed struct {
	env      connectors.Env
	manifest *connectors.Manifest
	settings Settings
	pattern  pattern
	traits   hub.Traits
	table    table
}

var (
	_ hub.Feed  = (*feed)(nil)
	_ hub.Probe = (*feed)(nil)
)

// Pull gives the newest complete delivery after the cursor. It fails with
// CodeNotFound when there is none, CodeUnavailable once today's is overdue or
// when the server cannot be reached, CodeAuth, CodeTimeout, and CodeBadData when
// markers or names are wrong. Wrong content shows when the batch is read.
func (f *feed) Pull(ctx context.Context, since hub.Cursor) (hub.Batch, error) {
	p, err := f.place(ctx)
	if err != nil {
		return nil, err
	}
	all, err := p.list(ctx)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	d, err := f.choose(ctx, p, f.shelve(all), since)
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return &batch{feed: f, ctx: ctx, place: p, delivery: d, control: hub.Control{Rows: -1}}, nil
}

// Ping lists the folder.
func (f *feed) Ping(ctx context.Context) error {
	p, err := f.place(ctx)
	if err != nil {
		return err
	}
	_, err = p.list(ctx)
	return errors.Join(err, p.Close())
}

func (f *feed) place(ctx context.Context) (place, error) { return f.at(ctx, f.settings.Directory) }

// at gives another folder of the same server.
func (f *feed) at(ctx context.Context, directory string) (place, error) {
	if f.settings.SFTP == nil {
		return openFolder(directory)
	}
	return dial(ctx, f.env, *f.settings.SFTP, directory, f.traits.Timeout)
}

// at is a moment of a day in Europe/Bucharest, also when clocks change.
func at(day hub.Date, minutes int) time.Time {
	start := day.Start()
	return time.Date(start.Year(), start.Month(), start.Day(), 0, minutes, 0, 0, hub.Bucharest)
}
