package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"racord/hub"
)

// yardstick is what an engineer writes by hand for six creditors with net/http
// and encoding/json alone: ask all at once, decode into structs, map to the
// canonical obligations, encode. It has no cache, breaker, limits, metrics or
// token verification, and it answers the same bytes as the hub.
type yardstick struct {
	client   *http.Client
	sources  []source
	citizens map[string]string // bearer token → CNP
}

// source is one creditor to ask.
type source struct {
	name hub.Name
	url  string
}

// patience is how long the yardstick waits for a creditor.
const patience = time.Second

func newYardstick(addresses []string, citizens map[string]string) *yardstick {
	y := &yardstick{citizens: citizens}
	for i, address := range addresses {
		y.sources = append(y.sources, source{hub.Name(creditors[i]), "http://" + address + debtsPath})
	}
	y.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}
	return y
}

// canonical is the view as the hub writes it.
type canonical struct {
	ID             string          `json:"view_id"`
	AsOf           time.Time       `json:"as_of"`
	Complete       bool            `json:"complete"`
	TotalConfirmed hub.Money       `json:"total_confirmed"`
	TotalLastKnown hub.Money       `json:"total_last_known"`
	NotCounted     []canonicalGap  `json:"not_counted"`
	Pages          []canonicalPage `json:"pages"`
}

type canonicalGap struct {
	Creditor hub.Name `json:"creditor"`
	Reason   string   `json:"reason"`
}

type canonicalPage struct {
	Creditor    hub.Name         `json:"creditor"`
	Name        string           `json:"name"`
	State       hub.PageState    `json:"state"`
	Payable     bool             `json:"payable"`
	Reason      string           `json:"reason,omitempty"`
	AsOf        time.Time        `json:"as_of,omitzero"`
	Obligations []hub.Obligation `json:"obligations"`
}

// ServeHTTP answers the view of the citizen behind the token.
func (y *yardstick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cnp, ok := y.citizens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok {
		http.Error(w, "unknown token", http.StatusUnauthorized)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	view := canonical{
		ID: hub.NewID(), AsOf: time.Now().UTC().Truncate(time.Second), Complete: true,
		NotCounted: []canonicalGap{}, Pages: y.pages(ctx, cnp),
	}
	view.sum()
	body, err := json.Marshal(view)
	if err != nil {
		http.Error(w, "view cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// pages asks every creditor at once.
func (y *yardstick) pages(ctx context.Context, cnp string) []canonicalPage {
	pages := make([]canonicalPage, len(y.sources))
	var asked sync.WaitGroup
	for i := range y.sources {
		asked.Go(func() { pages[i] = y.page(ctx, &y.sources[i], cnp) })
	}
	asked.Wait()
	return pages
}

func (y *yardstick) page(ctx context.Context, s *source, cnp string) canonicalPage {
	p := canonicalPage{Creditor: s.name, Name: titleOf(string(s.name)), State: hub.PageMissing, Reason: "unavailable", Obligations: []hub.Obligation{}}
	answer, err := y.ask(ctx, s, cnp)
	if err != nil {
		return p
	}
	p.State, p.Reason, p.AsOf = hub.PageFresh, "", answer.AsOf // not payable: the creditors take no payments
	for i := range answer.Debts {
		p.Obligations = append(p.Obligations, answer.Debts[i].obligation(s.name))
	}
	return p
}

// ask posts the question and decodes the answer.
func (y *yardstick) ask(ctx context.Context, s *source, cnp string) (*debtList, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, strings.NewReader(`{"cnp":"`+cnp+`"}`))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", apiKey)
	answer, err := y.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %d", s.name, answer.StatusCode)
	}
	var list debtList
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		return nil, err
	}
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	if list.Person.CNP != cnp {
		return nil, fmt.Errorf("%s answered about somebody else", s.name)
	}
	return &list, nil
}

func (v *canonical) sum() {
	confirmed := int64(0)
	for i := range v.Pages {
		p := &v.Pages[i]
		if p.State != hub.PageFresh {
			v.Complete = false
			v.NotCounted = append(v.NotCounted, canonicalGap{p.Creditor, p.Reason})
		}
		confirmed += hub.Due(p.Obligations)
	}
	v.TotalConfirmed, v.TotalLastKnown = hub.Bani(confirmed), hub.Bani(confirmed)
}

// serveYardstick runs the yardstick as a process of its own until ctx ends. Its
// first argument is a file with a token and a CNP on each line, the others are
// the creditors' addresses.
func serveYardstick(ctx context.Context, args []string, out io.Writer) error {
	citizens, err := readCitizens(args[0])
	if err != nil {
		return err
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	routes := http.NewServeMux()
	routes.Handle("GET "+viewPath, newYardstick(args[1:], citizens))
	server := &http.Server{Handler: routes, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	announce(out, door.Addr().String())
	_ = server.Serve(door) // ends with ctx
	return nil
}

func readCitizens(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	citizens := map[string]string{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		token, cnp, _ := strings.Cut(lines.Text(), " ")
		citizens[token] = cnp
	}
	return citizens, lines.Err()
}
