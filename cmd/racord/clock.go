package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// cityClock is business time as a simulated city tells it: real time plus an
// offset that is asked for every second.
type cityClock struct {
	address string
	offset  atomic.Int64
}

// followClock asks once, so that the first answer is right, and then goes on
// until ctx ends.
func followClock(ctx context.Context, address string) (*cityClock, error) {
	c := &cityClock{address: address}
	if err := c.ask(ctx); err != nil {
		return nil, fmt.Errorf("sandbox.clock: %w", err)
	}
	go c.follow(ctx)
	return c, nil
}

// Now gives business time.
func (c *cityClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *cityClock) follow(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.ask(ctx) // the last offset stays good
		}
	}
}

func (c *cityClock) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var said struct {
		Offset int64 `json:"offset_ns"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(nil, answer.Body, 4096)).Decode(&said); err != nil {
		return err
	}
	c.offset.Store(said.Offset)
	return nil
}
