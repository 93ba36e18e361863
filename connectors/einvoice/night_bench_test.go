package einvoice_test

import (
	"archive/zip"
	"bufio"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/feed"
)

// nightOfBills is what a city's supplier bills in a month.
const nightOfBills = 175_000

// BenchmarkANightOfBills carries a month's bills, delivery after delivery, from
// the supplier's messages into the published snapshots of SQLite: download,
// unpack, check, map, seal, stage, publish. The supplier is another process, so
// that memory is the hub's alone. Run it with -benchtime 1x.
func BenchmarkANightOfBills(b *testing.B) {
	url := supplierProcess(b, nightOfBills)
	ctx := hub.WithSlots(context.Background(), func() (func(), bool) { return func() {}, true })
	began, used, n := time.Now(), worked(b), 0
	for b.Loop() {
		store, err := sqlite.Open(context.Background(), b.TempDir(), make([]byte, hub.MasterKeyBytes))
		if err != nil {
			b.Fatal(err)
		}
		c := open(b, newCaller(b, secrets).env, manifest(b, url))
		debug.FreeOSMemory()
		forgetPeak()
		r := feed.New(feed.Parts{Roster: hub.Fleet{c}, Store: store, Log: slog.New(slog.DiscardHandler)}, feed.Conf{})
		n += night175(b, ctx, r, c)
		_ = store.Close()
	}
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "bills/s")
	b.ReportMetric(float64(n)/(worked(b)-used).Seconds(), "bills/cpu-s")
	b.ReportMetric(peakMB(), "peak-MB")
}

// night175 takes deliveries until there is nothing new, and tells of memory once a
// tenth is there: what grows with the rows shows as a difference to the end.
func night175(b *testing.B, ctx context.Context, r *feed.Runner, c *hub.Connector) (n int) {
	early := 0.0
	for {
		got, err := r.Deliver(ctx, c)
		if err != nil || got.Dropped > 0 {
			b.Fatal(got, err)
		}
		if got.Outcome == feed.Nothing {
			b.ReportMetric(early, "peak-MB-at-a-tenth")
			if n != nightOfBills {
				b.Fatalf("got %d bills, want %d", n, nightOfBills)
			}
			return n
		}
		if n += got.Records; early == 0 && n >= nightOfBills/10 {
			early = peakMB()
		}
	}
}

// supplierProcess starts this test program again as the supplier.
func supplierProcess(b *testing.B, bills int) (url string) {
	b.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestSupplierProcess$")
	child.Env = append(os.Environ(), "RACORD_SUPPLIER_BILLS="+strconv.Itoa(bills))
	in, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = child.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// TestSupplierProcess is the supplier of BenchmarkANightOfBills; by itself it
// tests nothing.
func TestSupplierProcess(t *testing.T) {
	bills, err := strconv.Atoi(os.Getenv("RACORD_SUPPLIER_BILLS"))
	if err != nil {
		t.Skip("it is the other end of a benchmark")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /electricity/oauth/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":300}`)
	})
	mux.HandleFunc("GET /electricity/api/messages", func(w http.ResponseWriter, r *http.Request) { listMonth(w, r, bills) })
	mux.HandleFunc("GET /electricity/api/download/{index}", func(w http.ResponseWriter, r *http.Request) {
		index, _ := strconv.Atoi(r.PathValue("index"))
		w.Header().Set("Content-Type", "application/zip")
		number := fmt.Sprint("EL ", index)
		_ = quickly(w, number+".xml", invoice(number, "1000003517", fmt.Sprint(1_000_000_000+index%60_000))) // who hung up asks again
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	fmt.Println(server.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the benchmark is over
}

// quickly writes an archive with as little work as there is: the other side is
// measured.
func quickly(to io.Writer, name, content string) error {
	w := zip.NewWriter(to)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) {
		fast := compressors.Get().(*flate.Writer)
		fast.Reset(out)
		return pooled{fast}, nil
	})
	for _, f := range []file{{name, content}, {"semnatura_" + name, signature}} {
		entry, err := w.Create(f.name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(entry, f.content); err != nil {
			return err
		}
	}
	return w.Close()
}

var compressors = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level exists
	}
	return w
}}

// pooled goes back when it is closed.
type pooled struct{ *flate.Writer }

func (p pooled) Close() error {
	defer compressors.Put(p.Writer)
	return p.Writer.Close()
}

// firstIndex is the number of a month's first message.
const firstIndex = 1_000_000

// listMonth lists messages that are made when they are downloaded.
func listMonth(w http.ResponseWriter, r *http.Request, bills int) {
	limit, from := 500, firstIndex
	_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	if after, err := strconv.Atoi(r.URL.Query().Get("after")); err == nil {
		from = after + 1
	}
	end := min(from+limit, firstIndex+bills)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"messages":[`)
	for index := from; index < end; index++ {
		if index > from {
			_, _ = io.WriteString(w, ",")
		}
		_, _ = fmt.Fprintf(w, `{"index":"%d","created":"2026-03-06T06:00:00+02:00","size":8123}`, index)
	}
	_, _ = fmt.Fprintf(w, `],"more":%t}`, end < firstIndex+bills)
}

// forgetPeak lets the peak of this process's memory begin again (proc(5),
// clear_refs).
func forgetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

// peakMB is the most memory this process had, 0 where the system does not say.
func peakMB() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb := 0.0
	_, _ = fmt.Sscan(rest, &kb)
	return kb / 1024
}
