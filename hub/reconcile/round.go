package reconcile

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// merchant is one account at a provider.
type merchant struct {
	psp *hub.PSP
	id  string
}

func (m merchant) String() string { return m.psp.Name + "/" + m.id }

// settlers gives the merchant accounts whose settlements can be read, those of
// each provider together.
func (s *Service) settlers() (all []merchant) {
	for _, psp := range s.PSPs {
		if psp.Settler == nil {
			continue
		}
		for _, id := range psp.Accounts() {
			all = append(all, merchant{psp, id})
		}
	}
	slices.SortFunc(all, func(a, b merchant) int { return strings.Compare(a.String(), b.String()) })
	return all
}

// round is one reading of every merchant account's settlements. It goes on where it
// was left, whoever left it, and the next one begins behind it: no account waits
// for ever because reading is cut short over and over.
type round struct {
	*Service
	turn     *turn
	readings readings
	only     hub.Date // the day that is asked for; "" = all that are due
	open     map[string][]hub.Difference
	noted    time.Time // when it was last noted how far this has come
}

// whole reads every account once, from the one on behind which the last turn ended.
// Once all accounts of a provider were read it is known what is in none of their
// settlements.
func (r *round) whole(ctx context.Context) (failed error) {
	all := r.settlers()
	defer func() { r.turn.note(r.readings.String()) }()
	from, met := slices.BinarySearchFunc(all, r.readings.Last, func(m merchant, last string) int { return strings.Compare(m.String(), last) })
	if met {
		from++
	}
	for i := range all {
		n := (from + i) % len(all)
		m := all[n]
		err := r.account(ctx, m)
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), failed)
		}
		failed = errors.Join(failed, about(m.String(), err))
		r.readings.Last = m.String()
		if i+1 == len(all) {
			r.readings.Last = ""
		}
		if err := r.note(ctx); err != nil {
			return errors.Join(err, failed)
		}
		if last := n+1 == len(all) || all[n+1].psp != m.psp; last || i+1 == len(all) {
			failed = errors.Join(failed, about(m.psp.Name, r.rest(ctx, m.psp)))
		}
	}
	return failed
}

// rest lists what is in none of a provider's settlements, unless some could not be
// read.
func (r *round) rest(ctx context.Context, psp *hub.PSP) error {
	for _, id := range psp.Accounts() {
		if of := r.readings.Of[merchant{psp, id}.String()]; of == nil || len(of.Unread) > 0 {
			return nil
		}
	}
	return r.unsettled(ctx, psp)
}

// account reads the settlements of one account, some days at once, the newest first.
// One that gives no answer in time is left for the next round: waiting for it
// is waiting with all others.
func (r *round) account(ctx context.Context, m merchant) (failed error) {
	today := hub.DateOf(r.Clock.Now())
	of := r.readings.of(m.String(), today)
	days := []hub.Date{r.only}
	if r.only == "" {
		days = of.due(today, settlementDays)
	}
	days = sorted(append(days, openDays(r.open, m.String())...))
	for _, some := range spans(days, atOnce) {
		err := r.days(ctx, m, some, of)
		failed = errors.Join(failed, err)
		if hub.CodeOf(err) == hub.CodeTimeout {
			return failed
		}
		if err := r.note(ctx); err != nil {
			return errors.Join(err, failed)
		}
	}
	return failed
}

// days books what was paid out on some days that follow each other. When they
// cannot be understood together, or take too long, each is read alone: one day
// hides no other.
func (r *round) days(ctx context.Context, m merchant, days []hub.Date, of *reading) (failed error) {
	items, err := m.psp.Settler.Settlement(ctx, m.id, days[0], days[len(days)-1])
	code := hub.CodeOf(err)
	if len(days) > 1 && (code == hub.CodeBadData || code == hub.CodeTimeout) {
		for _, day := range spans(days, 1) {
			err := r.days(ctx, m, day, of)
			failed = errors.Join(failed, err)
			if hub.CodeOf(err) == hub.CodeTimeout {
				break
			}
		}
		return failed
	}
	if err != nil {
		return about(string(days[0]), err)
	}
	account := accountOf(m.psp, m.id)
	for _, day := range days {
		paid := newSettledDay(m.psp.Name, m.id, account, day)
		if err := r.settlement(ctx, paid, itemsOf(items, day), r.open[paid.scope()]); err != nil {
			failed = errors.Join(failed, about(string(day), err))
			continue
		}
		of.read(day)
	}
	return failed
}

// noteEvery is how much of a round is lost at most when its replica dies.
const noteEvery = 200 * time.Millisecond

// note notes now and then how far the round has come: of hundreds of accounts that
// is as long as a page.
func (r *round) note(ctx context.Context) error {
	if time.Since(r.noted) < noteEvery {
		return nil
	}
	r.noted = time.Now()
	r.turn.note(r.readings.String())
	return r.turn.keep(ctx)
}
