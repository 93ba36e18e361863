package main

import (
	"context"
	"fmt"
	"time"
)

// contender is a server under measurement.
type contender struct {
	name   string
	url    string
	tokens string // file with the lines of the script
	server *process
}

// runs are the samples of one contender, in the order they were taken.
type runs []sample

// bench measures one after the other, never two at once.
type bench struct {
	dir    string
	load   load
	rounds int
	say    func(format string, args ...any) // progress
}

// alternate warms each contender up and then takes rounds of samples, each round
// asking every contender in turn, so that what disturbs the machine disturbs
// all alike.
func (b *bench) alternate(ctx context.Context, what string, contenders ...contender) ([]runs, error) {
	warm := *b
	warm.load.length = warmUp
	for _, c := range contenders {
		if _, err := warm.once(ctx, c); err != nil {
			return nil, err
		}
	}
	taken := make([]runs, len(contenders))
	for round := range b.rounds {
		for i, c := range contenders {
			s, err := b.once(ctx, c)
			if err != nil {
				return nil, err
			}
			b.say("%s, round %d: %-22s %8.0f req/s  %7.1f µs CPU/req  p99 %6.1f ms", what, round+1, c.name, s.rate(), s.CPU, ms(s.P99))
			taken[i] = append(taken[i], s)
		}
	}
	return taken, nil
}

const warmUp = 2 * time.Second

// once takes one sample and refuses it when an answer was lost or bad.
func (b *bench) once(ctx context.Context, c contender) (sample, error) {
	before, err := c.server.cpu()
	if err != nil {
		return sample{}, err
	}
	s, err := drive(ctx, b.dir, c.url, c.tokens, b.load)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", c.name, err)
	}
	after, err := c.server.cpu()
	if err != nil {
		return sample{}, err
	}
	if s.BadAnswers > 0 || s.SocketErrors > 0 {
		return sample{}, fmt.Errorf("%s: %d bad answers, %d socket errors", c.name, s.BadAnswers, s.SocketErrors)
	}
	s.CPU = float64((after - before).Microseconds()) / float64(s.Requests)
	return s, nil
}

// of gives one figure of every run.
func (r runs) of(figure func(sample) float64) []float64 {
	list := make([]float64, len(r))
	for i, s := range r {
		list[i] = figure(s)
	}
	return list
}

// requests counts those of all runs.
func (r runs) requests() (sum int64) {
	for _, s := range r {
		sum += s.Requests
	}
	return sum
}

// The figures that are reported.
func rateOf(s sample) float64 { return s.rate() }
func cpuOf(s sample) float64  { return s.CPU }
func p99Of(s sample) float64  { return ms(s.P99) }
func sizeOf(s sample) float64 { return float64(s.Bytes) / float64(s.Requests) }

func ms(microseconds int64) float64 { return float64(microseconds) / 1000 }
