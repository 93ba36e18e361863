package feed

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"racord/hub"
)

// Outcome says what became of a look at a feed.
type Outcome string

// The outcomes of a look at a feed.
const (
	Nothing   Outcome = "nothing"   // there is nothing newer
	Elsewhere Outcome = "elsewhere" // another replica is carrying it
	Waiting   Outcome = "waiting"   // an earlier part waits for a person, and parts must not overtake
	Published Outcome = "published" // readers see it
	Held      Outcome = "held"      // it waits for a person
	Damaged   Outcome = "damaged"   // thrown away; what was published stays
	Failed    Outcome = "failed"    // the creditor or the store could not be reached
)

// Result is what became of one delivery.
type Result struct {
	Outcome    Outcome
	AsOf       time.Time // business time the delivery speaks about
	Extent     hub.Extent
	Records    int                // lines read, refused ones included
	Refused    []hub.QualityEvent // the first refusals, at most 100
	Dropped    int                // how many records were refused
	Reason     string             // why it is held, for a person
	Superseded int                // records that are not shown: a later word of theirs is
}

// mostEvents bounds the refusals that a Result lists.
const mostEvents = 100

// Deliver takes one delivery of the connector's feed, if there is one newer
// than the last. It fails with what the feed fails with, with CodeBadData when
// the delivery is not what it says it is, and with what the store fails with;
// after a failure the rows published before are unchanged.
func (r *Runner) Deliver(ctx context.Context, c *hub.Connector) (Result, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, r.conf.Longest)
	defer cancel()
	result, err := r.deliver(ctx, c)
	if err != nil {
		result.Outcome = Failed
		if hub.CodeOf(err) == hub.CodeBadData {
			result.Outcome = Damaged
		}
	}
	r.report(ctx, c.Creditor.Name, result, err, time.Since(began))
	return result, err
}

func (r *Runner) deliver(ctx context.Context, c *hub.Connector) (Result, error) {
	since, first, err := r.cursor(ctx, c.Creditor.Name)
	if err != nil {
		return Result{}, err
	}
	batch, err := c.Feed.Pull(ctx, own(c, since))
	if hub.CodeOf(err) == hub.CodeNotFound {
		return Result{Outcome: Nothing}, nil
	}
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = batch.Close() }() // it was only read
	return r.accept(ctx, c.Creditor.Name, once{readBy{batch, c.FedBy}}, since, first)
}

// own gives the cursor as the feed of a connector knows it. What another version
// on its way read is read anew, and all by one on its way that begins.
func own(c *hub.Connector, at hub.Cursor) hub.Cursor {
	version, cursor := at.Reader()
	if version == c.FedBy || c.FedBy == 0 && version == c.Version {
		return cursor
	}
	return ""
}

// readBy is a delivery whose cursor says which version on its way read it.
type readBy struct {
	hub.Batch
	version int // 0 = the live one
}

// Next gives the cursor that is kept.
func (b readBy) Next() hub.Cursor {
	if b.version == 0 {
		return b.Batch.Next()
	}
	return b.Batch.Next().ReadBy(b.version)
}

// once is a fetched delivery: one of everything has each id once.
type once struct{ hub.Batch }

// Records gives the records, and says of a repeated id where it stood.
func (o once) Records() iter.Seq2[hub.Record, error] {
	if o.Extent() != hub.ExtentAll {
		return o.Batch.Records()
	}
	return func(yield func(hub.Record, error) bool) {
		count := 0
		for record, err := range hub.Once(o.Batch.Records()) {
			if count++; record.Twin != "" {
				record.Refused.Field = fmt.Sprintf("record %d: %s", count, record.Refused.Field)
			}
			if !yield(record, err) {
				return
			}
		}
	}
}

// accept takes a batch unless it would overtake one that waits for a person.
func (r *Runner) accept(ctx context.Context, name hub.Name, batch hub.Batch, since hub.Cursor, first bool) (Result, error) {
	older, err := r.heldBefore(ctx, name)
	if err != nil {
		return Result{}, err
	}
	if len(older) > 0 && batch.Extent() != hub.ExtentAll {
		return Result{Outcome: Waiting}, nil
	}
	result, err := r.carry(ctx, name, batch, since, first)
	if err == nil && (result.Outcome == Published || result.Outcome == Held) {
		err = r.discard(ctx, older...) // a later full delivery makes them pointless
	}
	return result, err
}

func (r *Runner) cursor(ctx context.Context, name hub.Name) (since hub.Cursor, first bool, err error) {
	since, _, err = r.Store.Cursor(ctx, name)
	if hub.CodeOf(err) == hub.CodeNotFound {
		return "", true, nil
	}
	return since, false, err
}

func (r *Runner) heldBefore(ctx context.Context, name hub.Name) (stages []hub.StageID, err error) {
	held, err := r.Store.Held(ctx)
	for _, h := range held {
		if h.Creditor == name {
			stages = append(stages, h.Stage)
		}
	}
	return stages, err
}

// carry stages the batch and decides about it.
func (r *Runner) carry(ctx context.Context, name hub.Name, batch hub.Batch, since hub.Cursor, first bool) (Result, error) {
	stage, err := r.Store.Stage(ctx, name, batch.Extent(), batch.AsOf())
	if hub.CodeOf(err) == hub.CodeConflict {
		return Result{Outcome: Elsewhere}, nil
	}
	if err != nil {
		return Result{}, err
	}
	defer r.keep(ctx, stage)()
	load := load{runner: r, creditor: name, stage: stage, result: Result{AsOf: batch.AsOf(), Extent: batch.Extent()}}
	decided, err := load.decide(ctx, batch, since, first)
	if err != nil || !decided {
		_ = r.discard(ctx, stage) // an abandoned staging also ends by itself
	}
	return load.result, err
}

// keepEvery is how often a staging is kept alive: several times in the life that
// hub.Snapshots gives it.
const keepEvery = 15 * time.Second

// keep keeps a staging alive, however slowly its rows come, until stop is called.
// One that nobody keeps is another replica's to begin anew.
func (r *Runner) keep(ctx context.Context, stage hub.StageID) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		for hub.Sleep(ctx, keepEvery) {
			_ = r.Store.Add(ctx, stage, nil) // what is gone shows with the next row
		}
	})
	return func() { cancel(); keeping.Wait() }
}

// discard drops deliveries even when the caller's time is up.
func (r *Runner) discard(ctx context.Context, stages ...hub.StageID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	for _, stage := range stages {
		if err := r.Store.Discard(ctx, stage); err != nil && hub.CodeOf(err) != hub.CodeNotFound {
			return err
		}
	}
	return nil
}

// report tells what happened, without anybody's data: a field of a refusal is a
// place in the file, its detail never repeats the value.
func (r *Runner) report(ctx context.Context, name hub.Name, result Result, err error, took time.Duration) {
	r.Meter.Delivered(name, result.Outcome, result.Records, took)
	if result.Outcome == Published && result.Extent != hub.ExtentRows {
		r.Meter.Published(name, result.AsOf)
	}
	log := r.Log.With(slog.String("operation", "feed"), slog.String("connector", string(name)),
		slog.String("outcome", string(result.Outcome)))
	switch {
	case err != nil && errors.Is(ctx.Err(), context.Canceled): // by the hub's own stop, or by who sent it
		log.Info("delivery broken off")
	case err != nil:
		log.Warn("delivery failed", slog.String("code", string(hub.CodeOf(err))), slog.String("reason", hub.MessageOf(err)))
	case result.Outcome == Held:
		log.Warn("delivery waits for a person", slog.String("reason", result.Reason))
	case result.Outcome == Published:
		log.Info("delivery published", slog.Time("as_of", result.AsOf), slog.Int("records", result.Records),
			slog.Int("refused", result.Dropped), slog.Duration("took", took))
	}
	for i := range min(len(result.Refused), 10) {
		e := &result.Refused[i]
		log.Warn("record refused", slog.String("code", e.Code), slog.String("field", e.Field), slog.String("detail", e.Detail))
	}
}

// load is one delivery on its way into the store.
type load struct {
	runner   *Runner
	creditor hub.Name
	stage    hub.StageID
	result   Result
	chunk    []hub.SnapshotRow // not staged yet
	due      int64             // bani: what the records left to pay add up to, credits included
	stray    bool              // a refusal that may be anybody's is staged
}

// decide carries the rows and publishes or holds them. It leaves the stage
// undecided when another replica was faster.
func (l *load) decide(ctx context.Context, batch hub.Batch, since hub.Cursor, first bool) (decided bool, err error) {
	now, _, err := l.runner.cursor(ctx, l.creditor)
	if err != nil {
		return false, err
	}
	if now != since {
		l.result.Outcome = Elsewhere // between our look at the cursor and our turn
		return false, nil
	}
	if err := l.rows(ctx, batch); err != nil {
		return false, err
	}
	if err := l.agrees(batch.Control()); err != nil {
		return false, err
	}
	w := weighed{full: batch.Extent() == hub.ExtentAll, first: first, records: int64(l.result.Records), refused: int64(l.result.Dropped)}
	gate := l.runner.gate(l.creditor)
	if w.full || w.records > gate.Small { // sums of fewer records say nothing, and cost a look at everything
		if w.staged, w.published, err = l.runner.Store.Sums(ctx, l.stage); err != nil {
			return false, err
		}
	}
	l.result.Reason = gate.objection(w)
	if l.result.Reason != "" {
		l.result.Outcome = Held
		return true, l.runner.Store.Hold(ctx, l.stage, batch.Next(), l.result.Reason)
	}
	l.result.Outcome = Published
	l.result.Superseded, err = l.runner.Store.Publish(ctx, l.stage, batch.Next())
	return true, err
}

func (r *Runner) gate(name hub.Name) Gate {
	if own, ok := r.conf.Gates[name]; ok {
		return own.withDefaults()
	}
	return r.conf.Gate.withDefaults()
}

// rows stages the records in chunks, so that memory stays flat however long
// the delivery is.
func (l *load) rows(ctx context.Context, batch hub.Batch) error {
	l.chunk = make([]hub.SnapshotRow, 0, l.runner.conf.Chunk)
	for record, err := range batch.Records() {
		if err != nil {
			return err
		}
		l.result.Records++
		if err := l.record(ctx, &record); err != nil {
			return err
		}
	}
	return l.flush(ctx)
}

// record stages a record.
func (l *load) record(ctx context.Context, record *hub.Record) error {
	if record.Refused != nil {
		return l.refusal(ctx, record)
	}
	for _, remark := range record.Obligation.Quality {
		l.runner.Meter.Remarked(l.creditor, remark.Code)
	}
	l.due += record.Obligation.Outstanding.Minor
	return l.add(ctx, hub.SnapshotRow{Account: record.Account, Obligation: record.Obligation})
}

// refusal stages a refusal under every account that must hear of it. Of those
// that may be anybody's, one says it all.
func (l *load) refusal(ctx context.Context, record *hub.Record) error {
	l.refuse(*record.Refused)
	row := hub.SnapshotRow{Refused: record.Refused}
	if record.Account == "" {
		if l.stray {
			return nil
		}
		l.stray = true
		return l.add(ctx, row)
	}
	row.Account, row.Obligation.ExternalID = record.Account, record.Obligation.ExternalID
	if err := l.add(ctx, row); err != nil || record.Twin == "" || record.Twin == record.Account {
		return err
	}
	row.Account = record.Twin
	return l.add(ctx, row)
}

// add stages a row, once there are enough of them.
func (l *load) add(ctx context.Context, row hub.SnapshotRow) error {
	if l.chunk = append(l.chunk, row); len(l.chunk) < cap(l.chunk) {
		return nil
	}
	return l.flush(ctx)
}

func (l *load) flush(ctx context.Context) error {
	if len(l.chunk) == 0 {
		return nil
	}
	err := l.runner.Store.Add(ctx, l.stage, l.chunk)
	l.chunk = l.chunk[:0]
	return err
}

func (l *load) refuse(e hub.QualityEvent) {
	l.result.Dropped++
	l.runner.Meter.Refused(l.creditor, e.Code)
	if len(l.result.Refused) < mostEvents {
		l.result.Refused = append(l.result.Refused, e)
	}
}

// agrees compares the delivery with what it says about itself. The amounts of
// refused records are not known, so with any of them only the rows count.
func (l *load) agrees(control hub.Control) error {
	switch {
	case control.Rows < 0:
		return nil
	case control.Rows != l.result.Records:
		return hub.Errorf(hub.CodeBadData, "The delivery says it has %d records and has %d.", control.Rows, l.result.Records)
	case l.result.Dropped == 0 && control.Total != l.due:
		return hub.Errorf(hub.CodeBadData, "The delivery's control total does not fit its records.")
	default:
		return nil
	}
}
