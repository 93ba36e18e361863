package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"

	"racord/adapters/sqlstore"
)

// A commit costs a sync of the disk, whatever it holds. So changes that come while
// others are being made share one transaction: each has its turn in it, undoes
// only itself, and returns when all are on the disk. When that fails, each is to
// be made once more, and then alone.

// mostTogether is how many changes share a commit at most. It bounds how long the
// first waits for the last.
const mostTogether = 32

// group is changes that share a commit.
type group struct {
	conn *sql.Conn
	tx   *sql.Tx
	size int           // changes that had their turn
	good int           // of them, those to be kept
	lost error         // the transaction cannot go on
	done chan struct{} // closed when it is on the disk, or is not
	err  error         // why it is not; read after done
}

// turn is whose turn it is, and the group that is open.
type turn struct {
	taken   chan struct{}
	waiting *atomic.Int64
	open    *group // belongs to whose turn it is, as does alone
	alone   int    // so many changes to come have a group of their own
}

// errTogether is what the changes of a group get that could not be stored.
var errTogether = errors.New("could not be stored together with others")

func newTurn() turn { return turn{taken: make(chan struct{}, 1), waiting: &atomic.Int64{}} }

// Within runs a transaction, together with others that come at the same time.
func (e *engine) Within(ctx context.Context, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) error {
	g, err := e.join(ctx, first, do)
	if g == nil {
		return err
	}
	<-g.done
	e.known.prepare(e.write)
	switch {
	case g.err == nil:
		return err
	case g.size == 1:
		return errors.Join(err, g.err)
	}
	return errors.Join(errTogether, g.err)
}

// join waits for its turn and makes a change in the open group. Whoever nobody
// waits behind ends the group. Waiting is not given up: the one before may rely
// on that. The error is the change's own.
func (e *engine) join(ctx context.Context, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) (*group, error) {
	e.turn.waiting.Add(1)
	e.turn.taken <- struct{}{}
	e.turn.waiting.Add(-1)
	defer func() {
		e.turn.pass()
		<-e.turn.taken
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.turn.open == nil {
		g, err := e.begin(ctx)
		if err != nil {
			return nil, err
		}
		e.turn.open = g
	}
	return e.turn.open, e.member(ctx, e.turn.open, first, do)
}

// pass ends the open group, unless somebody is waiting who can still join it.
func (t *turn) pass() {
	g := t.open
	if g == nil || t.alone == 0 && g.lost == nil && g.size < mostTogether && t.waiting.Load() > 0 {
		return
	}
	t.open, t.alone = nil, max(0, t.alone-1)
	g.end()
	if g.err != nil && g.size > 1 {
		t.alone = g.size
	}
}

// begin opens a group. The connection is waited for as long as the caller likes;
// the transaction is everybody's.
func (e *engine) begin(ctx context.Context) (*group, error) {
	conn, err := e.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &group{conn: conn, tx: tx, done: make(chan struct{})}, nil
}

// end commits, or gives up what is lost or holds nothing.
func (g *group) end() {
	defer close(g.done)
	switch {
	case g.lost != nil:
		g.err = g.lost
		_ = g.tx.Rollback() // it may be gone already
	case g.good == 0:
		g.err = g.tx.Rollback()
	default:
		if g.err = g.tx.Commit(); g.err != nil {
			_ = g.tx.Rollback()
		}
	}
	_ = g.conn.Close() // gives it back
}

var (
	savepoint  = sqlstore.Statement{SQL: "SAVEPOINT member"}
	release    = sqlstore.Statement{SQL: "RELEASE member"}
	rollbackTo = sqlstore.Statement{SQL: "ROLLBACK TO member"}
)

// member makes one change of a group.
func (e *engine) member(ctx context.Context, g *group, first []sqlstore.Statement, do func(sqlstore.Run) ([]sqlstore.Statement, error)) (err error) {
	g.size++
	m := &member{engine: e, group: g}
	if g.lost = e.run(ctx, g.tx, first...); g.lost != nil {
		return g.lost
	}
	defer m.undo(ctx) // also when do panics
	last, err := do(m.run)
	if err != nil {
		return err
	}
	if err := e.run(ctx, g.tx, last...); err != nil {
		if !m.marked {
			g.lost = err // some of them may have been done
		}
		return err
	}
	m.good = true
	g.good++
	if m.marked {
		g.lost = e.run(ctx, g.tx, release)
	}
	return nil
}

// member is a change in its group. Most write only at their very end, where
// hardly anything goes wrong; only one that writes before marks the place to
// which it can be undone, because that is dear.
type member struct {
	engine *engine
	group  *group
	marked bool
	good   bool
}

func (m *member) run(ctx context.Context, batch ...sqlstore.Statement) error {
	if !m.marked {
		if m.group.lost = m.engine.run(ctx, m.group.tx, savepoint); m.group.lost != nil {
			return m.group.lost
		}
		m.marked = true
	}
	return m.engine.run(ctx, m.group.tx, batch...)
}

func (m *member) undo(ctx context.Context) {
	if m.marked && !m.good {
		m.group.lost = m.engine.run(ctx, m.group.tx, rollbackTo, release)
	}
}
