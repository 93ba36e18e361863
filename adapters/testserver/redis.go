package testserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a Redis that a test can hurt.
type RedisServer struct {
	Addr    string
	program string
	dir     string
	more    []string // settings
	process *process
}

// Redis starts a Redis that keeps nothing on disk and stops it when the test
// ends.
func Redis(t testing.TB) *RedisServer {
	t.Helper()
	return startRedis(t)
}

// RedisCluster starts a cluster of three masters, each with a third of the
// slots. What is left of it goes on serving when a node is gone.
func RedisCluster(t testing.TB) []*RedisServer {
	t.Helper()
	const nodes, slots = 3, 16384
	cluster := make([]*RedisServer, nodes)
	for i := range cluster {
		bus, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		cluster[i] = startRedis(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
			"--cluster-require-full-coverage", "no", "--cluster-config-file", "nodes.conf")
		cluster[i].Do(t, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/nodes), strconv.Itoa((i+1)*slots/nodes-1))
		host, port, _ := strings.Cut(cluster[i].Addr, ":")
		cluster[0].Do(t, "CLUSTER", "MEET", host, port, strconv.Itoa(bus))
	}
	for _, node := range cluster {
		if err := node.process.await(func() error { return node.knows(nodes) }); err != nil {
			t.Fatal(err)
		}
	}
	return cluster
}

// knows tells whether the node sees a whole cluster.
func (r *RedisServer) knows(nodes int) error {
	info, err := r.command("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, fmt.Sprintf("cluster_size:%d", nodes)) {
		return fmt.Errorf("the cluster is not whole yet")
	}
	return nil
}

func startRedis(t testing.TB, more ...string) *RedisServer {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	r := &RedisServer{
		Addr:    fmt.Sprintf("127.0.0.1:%d", port),
		program: program(t, []string{"redis-server"}, "redis-server"), dir: t.TempDir(), more: more,
	}
	r.Start(t)
	t.Cleanup(func() {
		if r.process != nil {
			r.process.stop(syscall.SIGKILL)
		}
	})
	return r
}

// Start starts the server again after Stop, at the same address, empty.
func (r *RedisServer) Start(t testing.TB) {
	t.Helper()
	_, port, _ := strings.Cut(r.Addr, ":")
	settings := append([]string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.dir}, r.more...)
	p, err := start("Redis", nil, r.program, settings...)
	if err != nil {
		t.Fatal(err)
	}
	r.process = p
	if err := p.await(func() error { _, err := r.command("PING"); return err }); err != nil {
		t.Fatal(err)
	}
}

// Stop kills the server.
func (r *RedisServer) Stop(t testing.TB) {
	t.Helper()
	r.process.stop(syscall.SIGKILL)
	r.process = nil
}

// Freeze stops the server's clock: connections stay open and nothing answers.
func (r *RedisServer) Freeze(t testing.TB) { r.signal(t, syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (r *RedisServer) Thaw(t testing.TB) { r.signal(t, syscall.SIGCONT) }

func (r *RedisServer) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := r.process.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Flush forgets everything.
func (r *RedisServer) Flush(t testing.TB) {
	t.Helper()
	r.Do(t, "FLUSHALL")
}

// Keys lists the keys there are.
func (r *RedisServer) Keys(t testing.TB) []string {
	t.Helper()
	return strings.Fields(r.Do(t, "EVAL", `return table.concat(redis.call('KEYS','*'),' ')`, "0"))
}

// Corrupt changes one byte in the middle of every value.
func (r *RedisServer) Corrupt(t testing.TB) {
	t.Helper()
	r.Do(t, "EVAL", `for _, k in ipairs(redis.call('KEYS','*')) do
		local n = redis.call('STRLEN', k)
		local at = math.floor(n / 2)
		local b = string.byte(redis.call('GETRANGE', k, at, at))
		redis.call('SETRANGE', k, at, string.char((b + 1) % 256))
	end`, "0")
}

// Swap gives every key another key's value.
func (r *RedisServer) Swap(t testing.TB) {
	t.Helper()
	r.Do(t, "EVAL", `local keys = redis.call('KEYS','*')
		local first = redis.call('GET', keys[1])
		for i = 1, #keys - 1 do redis.call('SET', keys[i], redis.call('GET', keys[i+1])) end
		redis.call('SET', keys[#keys], first)`, "0")
}

// Dump gives every key and value.
func (r *RedisServer) Dump(t testing.TB) []byte {
	t.Helper()
	return []byte(r.Do(t, "EVAL", `local all = {}
		for _, k in ipairs(redis.call('KEYS','*')) do all[#all+1] = k; all[#all+1] = redis.call('GET', k) end
		return table.concat(all, '\n')`, "0"))
}

// Do runs a command whose answer is a string, a number or nothing.
func (r *RedisServer) Do(t testing.TB, command ...string) string {
	t.Helper()
	answer, err := r.command(command...)
	if err != nil {
		t.Fatalf("Redis %s: %v", command[0], err)
	}
	return answer
}

// command speaks RESP on a connection of its own.
func (r *RedisServer) command(command ...string) (string, error) {
	conn, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	var request strings.Builder
	fmt.Fprintf(&request, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&request, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := conn.Write([]byte(request.String())); err != nil {
		return "", err
	}
	return reply(bufio.NewReader(conn))
}

func reply(from *bufio.Reader) (string, error) {
	line, err := from.ReadString('\n')
	if err != nil || len(line) < 3 {
		return "", fmt.Errorf("answer %q: %w", line, err)
	}
	text := line[1 : len(line)-2]
	switch line[0] {
	case '+', ':':
		return text, nil
	case '$':
		return bulk(from, text)
	default:
		return "", fmt.Errorf("answer %q", line)
	}
}

func bulk(from *bufio.Reader, length string) (string, error) {
	n := 0
	if _, err := fmt.Sscan(length, &n); err != nil || n < 0 {
		return "", err
	}
	text := make([]byte, n)
	_, err := io.ReadFull(from, text)
	return string(text), err
}
