package town

import (
	"net/http"
	"time"

	"racord/cmd/city/associations"
	"racord/cmd/city/bearer"
	"racord/cmd/city/book"
	"racord/cmd/city/ditl"
	"racord/cmd/city/electricity"
	"racord/cmd/city/fines"
	"racord/cmd/city/gas"
	"racord/cmd/city/gate"
	"racord/cmd/city/heating"
	"racord/cmd/city/identity"
	"racord/cmd/city/parking"
	"racord/cmd/city/people"
	"racord/cmd/city/roadfines"
	"racord/cmd/city/transport"
	"racord/cmd/city/waste"
	"racord/cmd/city/water"
)

// world is everything that follows from one seed.
type world struct {
	seed     int64
	size     string
	people   *people.Registry
	book     *book.Book
	gates    map[string]*gate.Gate
	identity *identity.Provider
	files    *heating.Archive
	mux      *http.ServeMux
	secured  http.Handler // behind TLS that wants a certificate

	providers providers
}

// tokenLife is how long the utilities' bearer tokens are good.
const tokenLife = 5 * time.Minute

// identityGate is the name faults and counters of the identity provider have.
const identityGate = "identity"

func (t *Town) build(seed int64, size string) (*world, error) {
	w := &world{seed: seed, size: size, people: people.New(seed, sizes[size]), mux: http.NewServeMux()}
	w.book = book.New(w.people)
	if err := t.hang(w); err != nil {
		return nil, err
	}
	var err error
	if w.identity, err = identity.New(t.URL()+"/oidc", w.people, portalSecret); err != nil {
		return nil, err
	}
	t.doors(w)
	t.control(w)
	t.openProviders(w)
	t.postingControl(w)
	return w, nil
}

// hang puts a gate before each creditor.
func (t *Town) hang(w *world) error {
	latencies, err := gate.Profiles(t.conf.Latency)
	if err != nil {
		return err
	}
	w.gates = map[string]*gate.Gate{}
	add := func(name string, limit int, voice gate.Voice) {
		w.gates[name] = gate.New(gate.Config{
			Name: name, Seed: w.seed, Limit: limit, Latency: latencies[name], Voice: voice, Posts: posts(name),
		})
	}
	for _, c := range book.Creditors() {
		switch c {
		case book.Ditl:
			add(string(c), ditl.Limit, ditl.Voice(t.clock))
		case book.Waste:
			add(string(c), waste.Connections, gate.Voice{})
		case book.Parking:
			add(string(c), 0, parking.Voice())
		case book.Roadfines:
			add(string(c), 0, t.roadKeys.Voice())
		default:
			add(string(c), 0, gate.Voice{})
		}
	}
	add(identityGate, 0, gate.Voice{})
	return nil
}

func (t *Town) doors(w *world) {
	waterTokens := bearer.New(waterID, waterSecret, tokenLife)
	powerTokens := bearer.New(electricityID, electricitySecret, tokenLife)
	power := electricity.New(w.book, t.clock, w.gates["electricity"], powerTokens)
	w.secured = w.gates["roadfines"].Wrap(roadfines.New(w.book, t.clock, t.roadKeys))
	ctp := transport.New(w.book, t.clock, w.gates["transport"], transportUser, transportPassword)
	for path, door := range map[string]http.Handler{
		"/ditl/":                   w.gates["ditl"].Wrap(ditl.New(w.book, t.clock, ditlUser, ditlPassword)),
		"/fines/":                  w.gates["fines"].Wrap(fines.New(w.book, t.clock, finesKey)),
		"/water/":                  w.gates["water"].Wrap(water.New(w.book, t.clock, waterTokens)),
		"/water/oauth/token":       w.gates["water"].WrapUncounted(waterTokens),
		"/electricity/":            w.gates["electricity"].Wrap(power),
		"/electricity/oauth/token": w.gates["electricity"].WrapUncounted(powerTokens),
		parking.Path:               w.gates["parking"].Wrap(parking.New(w.book, t.clock, w.gates["parking"], parkingKey)),
		associations.Path:          w.gates["associations"].Wrap(associations.New(w.book, t.clock, associationsToken)),
		"/gas/":                    w.gates["gas"].Wrap(gas.New(w.book, t.clock, gasKey)),
		"/transport/":              w.gates["transport"].Wrap(ctp),
		"/transport/login.php":     w.gates["transport"].WrapUncounted(ctp),
		"/oidc/":                   w.gates[identityGate].Wrap(w.identity),
	} {
		w.mux.Handle(path, door)
	}
}
