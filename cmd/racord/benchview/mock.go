package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// creditors are the six bodies the mock upstreams play, in the order of a view.
var creditors = []string{"ditl", "electricity", "fines", "heating", "waste", "water"}

// upstreams are six creditors that answer any question about a citizen with
// three debts. They speak just enough HTTP/1.1 to be asked by real clients, so
// that the measured servers have the machine to themselves.
type upstreams struct {
	delay  atomic.Int64 // of every answer, in nanoseconds
	hung   atomic.Int64 // the index of the creditor that hangs, plus one
	calls  []atomic.Uint64
	doors  []net.Listener
	closed sync.WaitGroup
}

// openUpstreams listens on six loopback ports.
func openUpstreams(ctx context.Context) (*upstreams, error) {
	u := &upstreams{calls: make([]atomic.Uint64, len(creditors))}
	today := time.Now()
	for i, name := range creditors {
		door, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			u.close()
			return nil, err
		}
		u.doors = append(u.doors, door)
		t := newTemplate(answerOf(name, today))
		u.closed.Go(func() { u.receive(ctx, i, door, t) })
	}
	return u, nil
}

// addresses gives host:port of each creditor.
func (u *upstreams) addresses() (list []string) {
	for _, door := range u.doors {
		list = append(list, door.Addr().String())
	}
	return list
}

// close stops listening and waits for the doors; open connections end with
// their peers or the process.
func (u *upstreams) close() {
	for _, door := range u.doors {
		_ = door.Close()
	}
	u.closed.Wait()
}

func (u *upstreams) receive(ctx context.Context, creditor int, door net.Listener, t template) {
	for {
		conn, err := door.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer conn.Close()
			u.serve(creditor, conn, t)
		}()
	}
}

// serve answers the requests of one connection until it ends.
func (u *upstreams) serve(creditor int, conn net.Conn, t template) {
	in := bufio.NewReaderSize(conn, 4<<10)
	out := make([]byte, 0, len(t.text))
	for {
		cnp, err := readQuestion(in)
		if err != nil {
			return
		}
		u.calls[creditor].Add(1)
		if u.hung.Load() == int64(creditor)+1 {
			_, _ = io.Copy(io.Discard, conn) // until the other side has had enough
			return
		}
		if delay := u.delay.Load(); delay > 0 {
			time.Sleep(time.Duration(delay))
		}
		out = t.append(out[:0], cnp)
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

var (
	lengthHeader = []byte("content-length:")
	cnpMember    = []byte(`"cnp":"`)
	errQuestion  = errors.New("not a question about a citizen")
)

// cnpDigits is the length of a personal code.
const cnpDigits = 13

// readQuestion reads one POST and gives the cnp its JSON body asks about. The
// bytes are good until the next read.
func readQuestion(in *bufio.Reader) ([]byte, error) {
	length := 0
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			break
		}
		if len(line) > len(lengthHeader) && bytes.EqualFold(line[:len(lengthHeader)], lengthHeader) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(lengthHeader):]))); err != nil {
				return nil, errQuestion
			}
		}
	}
	body, err := in.Peek(length)
	if err != nil {
		return nil, err
	}
	_, _ = in.Discard(length) // what was peeked stays in place until the next read
	_, after, found := bytes.Cut(body, cnpMember)
	if !found || len(after) < cnpDigits {
		return nil, errQuestion
	}
	return after[:cnpDigits], nil
}

// template is a whole HTTP answer with places for the citizen's code and for a
// number that differs between citizens.
type template struct {
	text    []byte
	codes   []int
	numbers []int
}

// codeHole and numberHole mark the places of a template.
const (
	codeHole   = "CCCCCCCCCCCCC"
	numberHole = "NNNNNNN"
)

func newTemplate(body string) template {
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n"
	t := template{text: []byte(head + body)}
	t.codes, t.numbers = holes(t.text, codeHole), holes(t.text, numberHole)
	return t
}

func holes(text []byte, mark string) (at []int) {
	for from := 0; ; {
		i := bytes.Index(text[from:], []byte(mark))
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(mark)
	}
}

// append writes the answer about a citizen.
func (t *template) append(dst, cnp []byte) []byte {
	start := len(dst)
	dst = append(dst, t.text...)
	for _, at := range t.codes {
		copy(dst[start+at:], cnp)
	}
	number := uint32(2166136261) // FNV-1a: another number for another citizen
	for _, c := range cnp {
		number = (number ^ uint32(c)) * 16777619
	}
	for _, at := range t.numbers {
		n := number
		for i := len(numberHole) - 1; i >= 0; i-- {
			dst[start+at+i] = '0' + byte(n%10)
			n /= 10
		}
	}
	return dst
}

// iban is the fictional Treasury account of all six creditors.
const iban = "RO08TREZ99921A350102XXXX"

// answerOf writes a creditor's list of two debts, 1.2 KB, with holes.
func answerOf(name string, today time.Time) string {
	day := func(offset int) string { return today.AddDate(0, 0, offset).Format(time.DateOnly) }
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"person":{"cnp":"%s","name":"MUREȘAN ANA","address":"STR. FÂNTÂNII 5 BL. A SC. 2 AP. 12"},"debts":[`, codeHole)
	for i, amount := range []int{40000, 12576} {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":"%s-%s-%d","pv":{"series":"NT%d","number":"%s","issued_on":"%s","communicated_on":"%s"},`,
			name, numberHole, i, i, numberHole, day(-5), day(-3))
		fmt.Fprintf(&b, `"kind":"parking","subject":"CJ 12 ABC","place":"PIAȚA UNIRII NR. 1","law":"HCL 65/2019 art. 4 alin. 2","issuer":"DGPL Napoca-Test, Serviciul Circulație",`)
		fmt.Fprintf(&b, `"applied_bani":%d,"paid_bani":0,"outstanding_bani":%d,`, amount, amount)
		fmt.Fprintf(&b, `"options":[{"kind":"full","amount_bani":%d,"legal_basis":"OG 2/2001 art. 28","until":"%s"}],`, amount, day(30))
		fmt.Fprintf(&b, `"account":{"iban":"%s","revenue_code":"35.01.02"},"status":"open"}`, iban)
	}
	fmt.Fprintf(&b, `],"as_of":"%s"}`, today.UTC().Format(time.RFC3339))
	return b.String()
}
