// Package waste is the waste operator: it has no interface at all, only a view
// of its database with padded columns. The database is PostgreSQL, with five
// connections and a statement timeout, or a SQLite file of the same shape.
package waste

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Connections is how many the operator allows at once (PostgreSQL only).
const Connections = 5

// Operator keeps the view in step with the book, the date and the faults.
type Operator struct {
	db     *sql.DB
	system system
	clock  *clock.Clock
	driver string
	dsn    string
	proxy  *proxy // PostgreSQL only
	mu     sync.Mutex
	city   shelf
	shown  state
	locked *sql.Conn // holds the table while the operator hangs
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// shelf is what the view is about.
type shelf struct {
	book *book.Book
	gate *gate.Gate
}

// state is what the tables were last written from.
type state struct {
	city    shelf
	day     calendar.Day
	entries int64
	view    string
}

// Driver is "sqlite" or "postgres".
func (o *Operator) Driver() string { return o.driver }

// DSN is the path of the SQLite file, or a connection string for the reading
// role on PostgreSQL.
func (o *Operator) DSN() string { return o.dsn }

// Show replaces what the view is about.
func (o *Operator) Show(b *book.Book, g *gate.Gate) error {
	o.mu.Lock()
	o.city = shelf{b, g}
	o.mu.Unlock()
	if o.proxy != nil {
		o.proxy.gate.Store(g)
	}
	g.OnChange(func() { _ = o.Sync() }) // a fault that cannot be shown shows nothing
	return o.Sync()
}

// start brings the view up to date and keeps it so until Close.
func (o *Operator) start(b *book.Book, g *gate.Gate) error {
	if err := o.system.prepare(o.db); err != nil {
		return err
	}
	if err := o.Show(b, g); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	o.stop = stop
	o.done.Go(func() { o.follow(ctx) })
	return nil
}

// follow writes the new day's balances when virtual midnight has passed.
func (o *Operator) follow(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = o.Sync() // tried again in a second
		case <-ctx.Done():
			return
		}
	}
}

// Close stops the operator and closes its database.
func (o *Operator) Close() error {
	if o.stop != nil {
		o.stop()
	}
	o.done.Wait()
	if o.proxy != nil {
		o.proxy.close()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unlock()
	return o.db.Close()
}

// Sync writes what has changed: balances when the day or the payments did, the
// view when the faults did.
func (o *Operator) Sync() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	want := state{o.city, o.clock.Today(), o.city.book.Entries(book.Waste), o.system.view(o.city.gate)}
	_, hang := o.city.gate.On(gate.Hang)
	if want == o.shown && hang == (o.locked != nil) {
		return nil
	}
	o.unlock()
	if err := o.write(want); err != nil {
		return fmt.Errorf("waste: %w", err)
	}
	o.shown = want
	if hang {
		return o.lock()
	}
	return nil
}

func (o *Operator) write(want state) error {
	tx, err := o.db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	old := o.shown
	old.view = want.view
	if old != want {
		if err := fill(tx, want); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(`DROP VIEW IF EXISTS v_solduri`); err != nil {
		return err
	}
	if want.view != "" {
		if _, err := tx.Exec(want.view); err != nil {
			return err
		}
	}
	if err := o.system.grant(tx, want.view != ""); err != nil {
		return err
	}
	return tx.Commit()
}

// lock holds the table, so that readers wait in vain.
func (o *Operator) lock() error {
	conn, err := o.db.Conn(context.Background())
	if err != nil {
		return err
	}
	for _, statement := range o.system.lock() {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			_ = conn.Close()
			return err
		}
	}
	o.locked = conn
	return nil
}

func (o *Operator) unlock() {
	if o.locked == nil {
		return
	}
	_, _ = o.locked.ExecContext(context.Background(), `ROLLBACK`)
	_ = o.locked.Close()
	o.locked = nil
}
