package einvoice

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"racord/connectors"
	"racord/connectors/wire"
	"racord/hub"
)

// feed is a list of messages as a hub.Feed.
type feed struct {
	env      connectors.Env
	manifest *connectors.Manifest
	settings Settings
	caller   *wire.Caller
	rules    rules
}

var (
	_ hub.Feed  = (*feed)(nil)
	_ hub.Probe = (*feed)(nil)
)

// Pull gives the messages after the cursor, which is the index of the last one
// read. It fails with CodeNotFound when there is none, CodeAuth, CodeBadData
// for a list that cannot be read, CodeBusy, CodeTimeout or CodeUnavailable.
func (f *feed) Pull(ctx context.Context, since hub.Cursor) (hub.Batch, error) {
	first, err := f.list(ctx, string(since), f.settings.Page)
	if err != nil {
		return nil, err
	}
	if len(first.Messages) == 0 {
		return nil, hub.Errorf(hub.CodeNotFound, "There is no newer message.")
	}
	ctx, cancel := context.WithCancel(ctx)
	lanes := newLanes(max(1, f.manifest.Traits.MaxInflight/2))
	return &batch{feed: f, ctx: ctx, cancel: cancel, lanes: lanes, page: first, asOf: f.env.Clock.Now(), next: since}, nil
}

// Ping asks for one message.
func (f *feed) Ping(ctx context.Context) error {
	_, err := f.list(ctx, "", 1)
	return err
}

// list asks for the messages after an index.
func (f *feed) list(ctx context.Context, after string, limit int) (listing, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != "" {
		query.Set("after", after)
	}
	var l listing
	err := f.get(ctx, f.settings.Messages+"?"+query.Encode(), func(body []byte) error {
		if json.Unmarshal(body, &l) != nil || l.Messages == nil {
			return connectors.BadData("the list of messages is not what it should be")
		}
		return l.check(after, limit)
	})
	if hub.CodeOf(err) == hub.CodeNotFound { // a list that is gone is not an empty one
		err = connectors.BadData("there is no list at this address")
	}
	return l, err
}

// get reads what is at a path with as many tries as the guard allows.
func (f *feed) get(ctx context.Context, path string, use func(body []byte) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(f.settings.BaseURL, "/")+path, nil)
	if err != nil {
		return connectors.Failure(hub.CodeInternal, errors.New("the request cannot be made"))
	}
	reply, err := f.caller.Send(ctx, true, request)
	if err != nil {
		return err
	}
	defer reply.Release()
	if reply.Status == http.StatusNotFound {
		return connectors.Failure(hub.CodeNotFound, nil)
	}
	reading := f.manifest.Reading(f.manifest.Calls[connectors.CallPull], hub.Asked{}, f.env.Clock.Now())
	if err := reading.Classify(reply.Status, nil, reply.RetryAfter); err != nil {
		return err
	}
	return use(reply.Body)
}

// errNoArchive is the failure of a download that brought something else: a page, a
// redirect, an error in words.
var errNoArchive = hub.Errorf(hub.CodeBadData, "The download brought no archive.")

// fetch downloads one message and finds its bill. A message that is damaged or
// gone is CodeBadData or CodeNotFound, and concerns no other; of errNoArchive that
// is not known.
func (f *feed) fetch(ctx context.Context, index string) (b *bill, err error) {
	ctx, cancel := context.WithTimeout(ctx, f.manifest.Traits.Timeout)
	defer cancel()
	path := strings.Replace(f.settings.Download, wordIndex, url.PathEscape(index), 1)
	var damage error
	err = f.get(ctx, path, func(body []byte) error {
		b, damage = unpack(body)
		return nil
	})
	switch {
	case hub.CodeOf(err) == hub.CodeBadData:
		return nil, errNoArchive
	case err != nil:
		return nil, err
	}
	return b, damage
}
