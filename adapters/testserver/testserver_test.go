package testserver_test

import (
	"database/sql"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"racord/adapters/testserver"
)

func TestMain(m *testing.M) { os.Exit(testserver.Main(m)) }

func TestEveryTestHasItsOwnDatabase(t *testing.T) {
	one, other := testserver.Postgres(t), testserver.Postgres(t)
	query(t, one, `CREATE TABLE t AS SELECT 'one' AS v`)
	if got := query(t, one, `SELECT v FROM t`); got != "one" {
		t.Errorf("got %q, want what was written", got)
	}
	if got := query(t, other, `SELECT count(*) FROM pg_tables WHERE tablename = 't'`); got != "0" {
		t.Errorf("got %s tables in the other database, want 0", got)
	}
	if got := query(t, one, `SHOW fsync`); got != "on" {
		t.Errorf("got fsync %s, want on", got)
	}
	if dump := string(testserver.PostgresDump(t, one)); !strings.Contains(dump, "CREATE TABLE public.t") {
		t.Errorf("got a dump without the table: %s", dump)
	}
}

func query(t *testing.T, dsn, statement string) string {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	answer := ""
	if err := db.QueryRowContext(t.Context(), statement).Scan(&answer); err != nil && err != sql.ErrNoRows {
		t.Fatal(err)
	}
	return answer
}

func TestRedisCanBeHurt(t *testing.T) {
	redis := testserver.Redis(t)
	redis.Do(t, "SET", "a", "0123456789")
	redis.Do(t, "SET", "b", "9876543210")
	redis.Swap(t)
	if got := redis.Do(t, "GET", "a"); got != "9876543210" {
		t.Errorf("after Swap: got %q, want b's value", got)
	}
	redis.Corrupt(t)
	if got := redis.Do(t, "GET", "a"); got == "9876543210" || len(got) != 10 {
		t.Errorf("after Corrupt: got %q, want ten other characters", got)
	}
	if got := string(redis.Dump(t)); !strings.Contains(got, redis.Do(t, "GET", "b")) || len(redis.Keys(t)) != 2 {
		t.Errorf("got dump %q, want both keys and values", got)
	}
	redis.Flush(t)
	if got := redis.Keys(t); len(got) != 0 {
		t.Errorf("after Flush: got keys %v, want none", got)
	}
	redis.Freeze(t)
	redis.Thaw(t)
	redis.Do(t, "SET", "a", "1")
	redis.Stop(t)
	redis.Start(t)
	if got := redis.Keys(t); len(got) != 0 {
		t.Errorf("after a restart: got keys %v, want none", got)
	}
}

func TestPrometheusAnswers(t *testing.T) {
	url := testserver.Prometheus(t, "global: {scrape_interval: 1s}\n")
	response, err := http.Get(url + "/api/v1/query?query=vector(7)")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), `"7"`) {
		t.Fatalf("got %s (%v), want the value 7", body, err)
	}
}

// TestServersDieWithTheirTest starts a Redis in another process, which then dies
// without stopping anything.
func TestServersDieWithTheirTest(t *testing.T) {
	const key = "RACORD_TEST_DIES"
	if os.Getenv(key) != "" {
		redis := testserver.Redis(t)
		info := redis.Do(t, "INFO", "server")
		_, pid, _ := strings.Cut(info, "process_id:")
		pid, _, _ = strings.Cut(pid, "\r")
		_, _ = os.Stdout.WriteString("redis is " + pid + "\n")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestServersDieWithTheirTest$", "-test.v")
	again.Env = append(os.Environ(), key+"=yes")
	out, _ := again.Output() // it was killed
	_, pid, _ := strings.Cut(string(out), "redis is ")
	pid, _, _ = strings.Cut(pid, "\n")
	server, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatalf("got no process id from %q", out)
	}
	for deadline := time.Now().Add(20 * time.Second); alive(server); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("Redis %d still runs after its test died", server)
		}
	}
}

// alive tells whether a process runs; one that waits to be buried does not.
func alive(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(status), ") Z ")
}
