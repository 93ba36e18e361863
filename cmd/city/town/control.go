package town

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"racord/cmd/city/book"
)

// control is the channel tests and demonstrations steer the city by.
func (t *Town) control(w *world) {
	for pattern, serve := range map[string]action{
		"GET /__ctl/state":            t.state,
		"POST /__ctl/seed":            t.reseed,
		"GET /__ctl/clock":            t.showClock,
		"POST /__ctl/clock":           t.moveClock,
		"GET /__ctl/faults":           t.listFaults,
		"POST /__ctl/faults":          t.addFault,
		"DELETE /__ctl/faults":        t.dropFaults,
		"GET /__ctl/counters":         t.showCounters,
		"POST /__ctl/counters/reset":  t.resetCounters,
		"GET /__ctl/people":           t.listPeople,
		"GET /__ctl/truth":            t.personTruth,
		"GET /__ctl/truth/{creditor}": t.creditorTruth,
		"POST /__ctl/payments":        t.pay,
		"GET /__ctl/credentials":      t.listCredentials,
	} {
		w.mux.HandleFunc(pattern, serve.answer)
	}
}

// action handles a control request; its error becomes a 400.
type action func(*http.Request) (any, error)

func (a action) answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	answer, err := a(r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]string{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func read[T any](r *http.Request) (T, error) {
	var body T
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&body)
	return body, err
}

func (t *Town) state(*http.Request) (any, error) {
	w := t.world.Load()
	return map[string]any{
		"seed": w.seed, "size": w.size, "people": w.people.Len(), "now": t.Now(), "url": t.URL(),
		"latency": t.conf.Latency, "creditors": book.Creditors(), "issuer": t.URL() + "/oidc",
		"sftp_addr": t.SFTPAddr(), "tls_url": t.SecureURL(), "waste_driver": t.WasteDriver(), "waste_dsn": t.WasteDSN(),
	}, nil
}

func (t *Town) reseed(r *http.Request) (any, error) {
	want, err := read[struct {
		Seed int64  `json:"seed"`
		Size string `json:"size"`
	}](r)
	if err != nil {
		return nil, err
	}
	if err := t.Reseed(want.Seed, want.Size); err != nil {
		return nil, err
	}
	return t.state(r)
}

func (t *Town) showClock(*http.Request) (any, error) {
	return map[string]any{"now": t.clock.Now(), "offset_ns": t.clock.Offset().Nanoseconds()}, nil
}

func (t *Town) moveClock(r *http.Request) (any, error) {
	want, err := read[struct {
		Set     *time.Time `json:"set"`
		Advance string     `json:"advance"`
	}](r)
	if err != nil {
		return nil, err
	}
	switch {
	case want.Set != nil:
		err = t.SetClock(*want.Set)
	case want.Advance != "":
		var by time.Duration
		if by, err = time.ParseDuration(want.Advance); err == nil {
			err = t.Advance(by)
		}
	default:
		err = fmt.Errorf("say set or advance")
	}
	if err != nil {
		return nil, err
	}
	return t.showClock(r)
}

func (t *Town) listFaults(r *http.Request) (any, error) {
	only, faults := r.URL.Query().Get("creditor"), []Fault{}
	for name, g := range t.world.Load().gates {
		if only == "" || only == name {
			faults = append(faults, g.Faults()...)
		}
	}
	return map[string]any{"faults": faults}, nil
}

func (t *Town) addFault(r *http.Request) (any, error) {
	f, err := read[Fault](r)
	if err != nil {
		return nil, err
	}
	return f, t.Fault(f.Creditor, f)
}

func (t *Town) dropFaults(r *http.Request) (any, error) {
	if only := r.URL.Query().Get("creditor"); only != "" {
		t.ClearFaults(only)
	} else {
		t.ClearFaults()
	}
	return map[string]any{"faults": []Fault{}}, nil
}

func (t *Town) showCounters(*http.Request) (any, error) { return t.Counters(), nil }

func (t *Town) resetCounters(*http.Request) (any, error) {
	t.ResetCounters()
	return t.Counters(), nil
}

func (t *Town) listCredentials(*http.Request) (any, error) { return t.Credentials(), nil }

func (t *Town) pay(r *http.Request) (any, error) {
	p, err := read[struct {
		Person     string `json:"person"`
		Creditor   string `json:"creditor"`
		ExternalID string `json:"external_id"`
		Amount     int64  `json:"amount_bani"`
	}](r)
	if err != nil {
		return nil, err
	}
	return p, t.Pay(p.Person, p.Creditor, p.ExternalID, p.Amount)
}

// window reads ?after=ID&limit=N as a range of person indexes.
func (w *world) window(r *http.Request) (from, to int, err error) {
	limit := 100
	if text := r.URL.Query().Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 {
			return 0, 0, fmt.Errorf("bad limit")
		}
	}
	if after := r.URL.Query().Get("after"); after != "" {
		p, err := w.find(after)
		if err != nil {
			return 0, 0, err
		}
		from = p.Index + 1
	}
	return from, min(from+min(limit, 5000), w.people.Len()), nil
}

// next is the id to continue after, nil at the end.
func (w *world) next(to int) any {
	if to >= w.people.Len() {
		return nil
	}
	return w.people.Person(to - 1).ID
}

func (t *Town) listPeople(r *http.Request) (any, error) {
	w := t.world.Load()
	from, to, err := w.window(r)
	list := []Person{}
	for i := from; i < to; i++ {
		list = append(list, w.person(i, t.clock.Today()))
	}
	return map[string]any{"people": list, "next": w.next(to)}, err
}

func (t *Town) personTruth(r *http.Request) (any, error) {
	w := t.world.Load()
	p, err := w.find(r.URL.Query().Get("person"))
	if err != nil {
		return nil, err
	}
	return map[string]any{"person": p.ID, "now": t.Now(), "truth": w.truth(p.Index, t.clock.Today())}, nil
}

func (t *Town) creditorTruth(r *http.Request) (any, error) {
	creditor := book.Creditor(r.PathValue("creditor"))
	if !slices.Contains(book.Creditors(), creditor) {
		return nil, fmt.Errorf("unknown creditor %q", creditor)
	}
	type entry struct {
		Person string `json:"person"`
		Debts  []Debt `json:"debts"`
	}
	w := t.world.Load()
	from, to, err := w.window(r)
	list := []entry{}
	for i := from; i < to; i++ {
		if debts := w.book.Truth(creditor, i, t.clock.Today()); len(debts) > 0 {
			list = append(list, entry{w.people.Person(i).ID, debts})
		}
	}
	return map[string]any{"creditor": creditor, "truth": list, "next": w.next(to)}, err
}
