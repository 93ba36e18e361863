package sqlview_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"racord/hub"
)

// TestASecretSaysWhereTheDatabaseIsAndNoMore has secrets ask for what the driver
// would do beyond that: go to another host, and read files of this machine.
func TestASecretSaysWhereTheDatabaseIsAndNoMore(t *testing.T) {
	ca := authority(t)
	for name, tc := range map[string]struct {
		dsn  string
		own  bool // the operator's own manifest
		want hub.Code
	}{
		"plain":                     {"postgres://u:hush@127.0.0.1:1/db", false, hub.CodeUnavailable},
		"plain, with its TLS":       {"postgresql://u:hush@[::1]:1/db?sslmode=verify-full", false, hub.CodeUnavailable},
		"a CA without an end":       {"postgres://u:hush@127.0.0.1:1/db?sslrootcert=/dev/zero", false, hub.CodeInvalid},
		"a file of passwords":       {"postgres://u@127.0.0.1:1/db?passfile=/etc/hush", false, hub.CodeInvalid},
		"a file of services":        {"postgres://u@127.0.0.1:1/db?service=hush&servicefile=/etc/hush", false, hub.CodeInvalid},
		"a key":                     {"postgres://u@127.0.0.1:1/db?sslkey=/etc/hush&sslcert=/etc/hush", false, hub.CodeInvalid},
		"another host":              {"postgres://u:hush@127.0.0.1:1/db?host=127.0.0.2", false, hub.CodeInvalid},
		"another host, the city's":  {"postgres://u:hush@127.0.0.1:1/db?host=127.0.0.2", true, hub.CodeInvalid},
		"two hosts":                 {"postgres://u:hush@127.0.0.1,127.0.0.2:1/db", false, hub.CodeInvalid},
		"a socket of this machine":  {`postgres://u:hush@[C:\hush]:1/db`, true, hub.CodeInvalid},
		"sslmode twice":             {"postgres://u:hush@127.0.0.1:1/db?sslmode=disable&sslmode=require", false, hub.CodeInvalid},
		"an sslmode nobody knows":   {"postgres://u:hush@127.0.0.1:1/db?sslmode=hush", false, hub.CodeInvalid},
		"a fragment":                {"postgres://u:hush@127.0.0.1:1/db#?host=127.0.0.2", false, hub.CodeInvalid},
		"a quote and a word more":   {"postgres://u:hush@127.0.0.1:1/db'%20host='127.0.0.2", false, hub.CodeUnavailable},
		"words and values":          {"host=127.0.0.1 port=1 user=u password=hush dbname=db", false, hub.CodeUnsupported},
		"the city's own CA":         {"postgres://u:hush@127.0.0.1:1/db?sslmode=verify-ca&sslrootcert=" + ca, true, hub.CodeUnavailable},
		"the city's CA, not ours":   {"postgres://u:hush@127.0.0.1:1/db?sslmode=verify-ca&sslrootcert=" + ca, false, hub.CodeInvalid},
		"the city's CA, not there":  {"postgres://u:hush@127.0.0.1:1/db?sslrootcert=hush.pem", true, hub.CodeInvalid},
		"the city's passwords":      {"postgres://u@127.0.0.1:1/db?passfile=/etc/hush", true, hub.CodeInvalid},
		"a database without a name": {"postgres://u:hush@127.0.0.1:1/", false, hub.CodeInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			calls, dialled := new(caller), []string(nil)
			env := calls.env(tc.dsn)
			env.LocalFiles = tc.own
			env.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
				dialled = append(dialled, address)
				return nil, os.ErrDeadlineExceeded
			}
			_, err := open(t, env, manifest(t)).Source.Obligations(t.Context(), asked("1"))
			reached := tc.want == hub.CodeUnavailable
			if got := hub.CodeOf(err); got != tc.want && !(reached && got == hub.CodeTimeout) || strings.Contains(fmt.Sprint(err), "hush") {
				t.Errorf("got %v, want %s and nothing of the secret", err, tc.want)
			}
			if reached != (len(dialled) > 0) || strings.Contains(fmt.Sprint(dialled), "127.0.0.2") {
				t.Errorf("got %q called", dialled)
			}
		})
	}
}

// authority is a file with a certificate.
func authority(t *testing.T) string {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	server.Close()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTheEnvironmentOfThisProcessIsNotTheCreditors sets every variable and file
// that the driver fills a connection from, and looks at what comes to the server.
func TestTheEnvironmentOfThisProcessIsNotTheCreditors(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	passwords := write(".pgpass", "*:*:*:*:of-the-city\n")
	services := write("services", "[city]\nhost=127.0.0.2\nsslmode=require\npassword=of-the-city\nsslrootcert=/of-the-city\nkrbspn=of-the-city\n")
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "127.0.0.2", "PGPORT": "2", "PGDATABASE": "other", "PGUSER": "other", "PGPASSWORD": "of-the-city", "PGPASSFILE": passwords,
		"PGSERVICE": "city", "PGSERVICEFILE": services, "PGSSLMODE": "require", "PGSSLROOTCERT": "/of-the-city", "PGSSLCERT": "/of-the-city", "PGSSLKEY": "/of-the-city",
		"PGSSLCERTMODE": "require", "PGSSLSNI": "0", "PGSSLNEGOTIATION": "direct", "PGSSLPASSWORD": "of-the-city", "PGOPTIONS": "-c search_path=other",
		"PGAPPNAME": "other", "PGTZ": "Asia/Tokyo", "PGCONNECT_TIMEOUT": "1000", "PGTARGETSESSIONATTRS": "standby", "PGREQUIREAUTH": "none",
		"PGCHANNELBINDING": "require", "PGMINPROTOCOLVERSION": "3.2", "PGMAXPROTOCOLVERSION": "3.2",
	} {
		t.Setenv(name, value)
	}
	var came []string
	env := new(caller).env("postgres://u@127.0.0.1:1/db?sslmode=disable")
	env.Dial = func(_ context.Context, _, address string) (net.Conn, error) {
		came = append(came, address)
		ours, theirs := net.Pipe()
		go askPassword(theirs, &came)
		return ours, nil
	}
	_, err := open(t, env, manifest(t)).Source.Obligations(t.Context(), asked("1"))
	if hub.CodeOf(err) != hub.CodeAuth || len(came) != 3 || came[0] != "127.0.0.1:1" || came[2] != "" {
		t.Fatalf("got %q, %v, want one call to the secret's address, and no password", came, err)
	}
	for _, foreign := range []string{"other", "Tokyo", "options"} {
		if strings.Contains(came[1], foreign) || !strings.Contains(came[1], "racord") {
			t.Errorf("got %s, want nothing of the environment", came[1])
		}
	}
}

// askPassword is a server that asks for the password in clear and refuses it.
func askPassword(conn net.Conn, came *[]string) {
	defer conn.Close()
	server := pgproto3.NewBackend(conn, conn)
	start, err := server.ReceiveStartupMessage()
	if err != nil {
		return
	}
	server.Send(&pgproto3.AuthenticationCleartextPassword{})
	_ = server.Flush()
	_ = server.SetAuthType(pgproto3.AuthTypeCleartextPassword)
	message, err := server.Receive()
	if password, ok := message.(*pgproto3.PasswordMessage); ok && err == nil {
		*came = append(*came, fmt.Sprintf("%+v", start), password.Password)
	}
	server.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: "28P01"})
	_ = server.Flush()
}
