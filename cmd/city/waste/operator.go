// Package waste is the waste operator: it has no interface at all, only a view
// of its database with padded columns and a table to insert payments into. The
// database is PostgreSQL, with five connections and a statement timeout, or a
// SQLite file of the same shape.
//
//	v_solduri     cod_client, nume, adresa, luna_an, nr_fact, valoare, sold, penal, scadenta
//	plati_import  id_extern    varchar(64) PRIMARY KEY: the payer's reference
//	              cod_client   char(12) NOT NULL
//	              nr_fact      char(16), the bill; NULL pays the oldest bills first
//	              suma         numeric(12,2) NOT NULL, positive; text '84.20' in SQLite
//	              data_plata   timestamp NOT NULL, Bucharest time of the authorisation;
//	                           text '2026-03-15 10:00:00' in SQLite
//	              prelucrat    'N' new, 'D' booked, 'R' refused: nothing was booked
//	              nr_chitanta  receipt number of what was booked
//	              motiv        why it was refused
//	              prelucrat_la when, as data_plata
//
// Callers insert the first five columns and read all of them; on PostgreSQL the
// role may do nothing else. A second insert of the same id_extern violates the
// primary key (PostgreSQL 23505, SQLite 1555) and changes nothing. A batch books
// new rows every second. Any part of a bill is taken and nothing above it.
//
// motiv is CLIENT NECUNOSCUT, FACTURA NECUNOSCUTA, FACTURA ANULATA, DEJA
// ACHITAT, SUMA DEPASESTE SOLDUL or DATA GRESITA.
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
	guard   string // what refuses payments; "" for nothing
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

// Sync books the payments that were inserted and writes what has changed:
// balances when the day or the book did, the view when the faults did.
func (o *Operator) Sync() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.sync(); err != nil {
		return fmt.Errorf("waste: %w", err)
	}
	return nil
}

func (o *Operator) sync() error {
	_, hang := o.city.gate.On(gate.Hang)
	_, hangs := o.city.gate.OnPost(gate.Hang)
	hang = hang || hangs
	if o.locked == nil && !hang && o.shown.city == o.city {
		if err := o.collect(); err != nil {
			return err
		}
	}
	want := state{
		o.city, o.clock.Today(), o.city.book.Entries(book.Waste), o.system.view(o.city.gate), o.system.guard(o.city.gate),
	}
	if want == o.shown && hang == (o.locked != nil) {
		return nil
	}
	o.unlock()
	if err := o.write(want); err != nil {
		return err
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
	if err := o.balances(tx, want); err != nil {
		return err
	}
	if want.view != o.shown.view {
		if err := o.replaceView(tx, want.view); err != nil {
			return err
		}
	}
	if want.guard != o.shown.guard {
		for _, statement := range []string{o.system.unguard(), want.guard} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// balances writes all balances on a new day, else those that were touched.
func (o *Operator) balances(tx *sql.Tx, want state) error {
	switch {
	case want.city != o.shown.city:
		if _, err := tx.Exec(`DELETE FROM plati_import`); err != nil {
			return err
		}
		return fill(tx, want)
	case want.day != o.shown.day:
		return fill(tx, want)
	case want.entries != o.shown.entries:
		return refresh(tx, want, want.city.book.Touched(book.Waste, int(o.shown.entries)))
	default:
		return nil
	}
}

func (o *Operator) replaceView(tx *sql.Tx, view string) error {
	if _, err := tx.Exec(`DROP VIEW IF EXISTS v_solduri`); err != nil {
		return err
	}
	if view == "" {
		return nil
	}
	if _, err := tx.Exec(view); err != nil {
		return err
	}
	return o.system.grant(tx)
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
