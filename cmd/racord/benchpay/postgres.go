package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"racord/adapters/postgres"
	"racord/cmd/racord/cluster"
	"racord/hub"
)

const postgresName = "postgres"

// server is a PostgreSQL with its defaults, and a migrated database that others
// are copied from.
type server struct {
	address string
	cmd     *exec.Cmd
	copies  int
}

const template = "template_racord"

func startPostgres(ctx context.Context, dir string) (*server, error) {
	made, err := cluster.Make(ctx, filepath.Join(dir, "postgres"))
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "postgres.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &server{address: address, cmd: exec.Command(made.Program, made.Args(port)...)}
	s.cmd.SysProcAttr, s.cmd.Stdout, s.cmd.Stderr = made.As, log, log
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// stop ends the server, whatever its connections do.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // its data are thrown away
	_ = s.cmd.Wait()
}

func (s *server) prepare(ctx context.Context) error {
	if err := postgres.Await(ctx, cluster.DSN(s.address), 30*time.Second); err != nil {
		return err
	}
	if err := s.do(ctx, `CREATE DATABASE `+template); err != nil {
		return err
	}
	return postgres.Migrate(ctx, s.dsn(template), nil)
}

func (s *server) dsn(name string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", s.address, name)
}

func (s *server) do(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, cluster.DSN(s.address))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// fresh makes an empty, migrated database. What was written before is on the disk
// then, and disturbs nobody.
func (s *server) fresh(ctx context.Context) (dsn string, err error) {
	s.copies++
	name := fmt.Sprintf("racord_%d", s.copies)
	if err := s.do(ctx, `CREATE DATABASE `+name+` TEMPLATE `+template); err != nil {
		return "", err
	}
	return s.dsn(name), s.do(ctx, `CHECKPOINT`)
}

func freeAddress() (string, error) {
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return door.Addr().String(), door.Close()
}

// postgresBench is PostgreSQL under measurement.
type postgresBench struct {
	server *server
	dsn    string // of the newest database
}

var _ database = (*postgresBench)(nil)

func (b *postgresBench) name() string { return postgresName }

func (b *postgresBench) open(ctx context.Context) (_ hub.Store, err error) {
	if b.dsn, err = b.server.fresh(ctx); err != nil {
		return nil, err
	}
	return postgres.Open(ctx, b.dsn, master)
}

func (b *postgresBench) bare() []bareWay {
	return []bareWay{{name: "bare batches", bar: bar, open: b.openBare}}
}

// openBare gives each payer a connection, on which no trigger and no foreign key
// is at work.
func (b *postgresBench) openBare(ctx context.Context, payers int) (*bareRun, error) {
	dsn, err := b.server.fresh(ctx)
	if err != nil {
		return nil, err
	}
	var conns []*pgx.Conn
	stop := func() {
		for _, c := range conns {
			_ = c.Close(context.WithoutCancel(ctx))
		}
	}
	for range payers {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			conns = append(conns, conn)
			_, err = conn.Exec(ctx, `SET session_replication_role = replica`)
		}
		if err != nil {
			stop()
			return nil, err
		}
	}
	return &bareRun{close: stop, write: func(ctx context.Context, payer int, rows []row) error { return writeBatch(ctx, conns[payer], rows) }}, nil
}

func writeBatch(ctx context.Context, conn *pgx.Conn, rows []row) error {
	batch := &pgx.Batch{}
	batch.Queue("BEGIN")
	for _, r := range rows {
		w := writes[r.table]
		batch.Queue(w.sql, w.args(r)...)
	}
	batch.Queue("COMMIT")
	return conn.SendBatch(ctx, batch).Close()
}
