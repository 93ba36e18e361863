package connectors

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"racord/hub"
)

// traitsPart is how traits stand in a manifest.
type traitsPart struct {
	Fetch       []string      `json:"fetch" doc:"How the creditor can be asked: by_party needs a CNP or CUI, by_account the creditor's own client code." required:"true" enum:"by_party|by_account"`
	Identifiers []string      `json:"identifiers" doc:"Which identifiers by_party takes." enum:"ro:cnp|ro:cui|ro:nif"`
	MaxInflight int           `json:"max_inflight" doc:"Calls at once, over all replicas of the hub." min:"1" max:"512"`
	RPS         float64       `json:"rps" doc:"Calls a second, over all replicas of the hub." min:"0.01" max:"10000"`
	Timeout     time.Duration `json:"timeout" doc:"How long one call may take." min:"0.3" max:"30"`
	Freshness   freshnessPart `json:"freshness" doc:"How long an answer may be shown."`
	Windows     []string      `json:"windows" doc:"Daily closed periods in Europe/Bucharest, such as 23:30-04:30."`
	Season      *seasonPart   `json:"season" doc:"When every year the amounts of the new one are loaded: what is listed then is provisional and cannot be paid."`
	ProofDoc    string        `json:"proof_doc" doc:"Where on a bill a citizen finds the number that proves an account."`
	Delivery    deliveryPart  `json:"delivery" doc:"When the deliveries of a feed are due."`
	Lists       string        `json:"lists" doc:"Who is in what a feed delivers, a creditor sends or a view shows: all accounts, or only those with debts. Of debts, a linked account that is not listed owes nothing; otherwise it is not known." enum:"accounts|debts"`
	Paying      *payingPart   `json:"paying" doc:"How the creditor takes payments, when there is a call post."`
}

type seasonPart struct {
	From string `json:"from" doc:"First day, as month and day, such as 12-31. Europe/Bucharest." required:"true"`
	To   string `json:"to" doc:"Day on which the new amounts are expected, such as 01-12: from then on it is paid again." required:"true"`
}

type deliveryPart struct {
	At    string        `json:"at" doc:"Hour in Europe/Bucharest at which a delivery is due every day, such as 05:30." required:"true"`
	Grace time.Duration `json:"grace" doc:"How much later one may come before what is shown counts as old." required:"true" min:"60" max:"604800"`
}

type freshnessPart struct {
	TTL                  time.Duration `json:"ttl" doc:"Shown as fresh." min:"1" max:"86400"`
	StaleWhileRevalidate time.Duration `json:"stale_while_revalidate" doc:"After ttl: shown as stale at once while a new answer is fetched." max:"86400"`
	StaleIfError         time.Duration `json:"stale_if_error" doc:"After ttl: shown as stale while the creditor fails." max:"2592000"`
	Negative             time.Duration `json:"negative" doc:"How long 'not known here' is remembered." min:"1" max:"86400"`
}

// defaultTraits are what a manifest does not say.
func defaultTraits() traitsPart {
	return traitsPart{
		MaxInflight: 16, RPS: 20, Timeout: 1500 * time.Millisecond,
		Freshness: freshnessPart{
			TTL: time.Minute, StaleWhileRevalidate: 10 * time.Minute, StaleIfError: 24 * time.Hour, Negative: 5 * time.Minute,
		},
	}
}

func (in *inspection) traits(p traitsPart, creditor hub.Name) hub.Traits {
	t := hub.Traits{MaxInflight: p.MaxInflight, RPS: p.RPS, Timeout: p.Timeout, Freshness: hub.Freshness(p.Freshness), ProofDoc: p.ProofDoc, DebtsOnly: p.Lists == "debts"}
	for _, way := range p.Fetch {
		t.Fetch = append(t.Fetch, hub.Fetch(way))
	}
	for _, scheme := range p.Identifiers {
		t.Identifiers = append(t.Identifiers, hub.Scheme(scheme))
	}
	for i, text := range p.Windows {
		w, ok := window(text)
		if !ok {
			in.at(fmt.Sprintf("traits.windows[%d]", i), "%q is not a daily period; write 23:30-04:30", text)
		}
		t.Windows = append(t.Windows, w)
	}
	t.Season = in.season(p.Season)
	if p.Delivery.At != "" {
		at, ok := minutes(p.Delivery.At)
		if !ok {
			in.at("traits.delivery.at", "%q is not an hour; write 05:30", p.Delivery.At)
		}
		t.Delivery = hub.Delivery{At: at, Grace: p.Delivery.Grace}
	}
	t.Paying = in.paying(p.Paying)
	in.traitsAgree(t, p)
	return t
}

// traitsAgree finds what contradicts itself.
func (in *inspection) traitsAgree(t hub.Traits, p traitsPart) {
	byParty := slices.Contains(p.Fetch, string(hub.FetchByParty))
	switch {
	case byParty && len(p.Identifiers) == 0:
		in.at("traits.identifiers", "by_party needs identifiers: which of ro:cnp, ro:cui, ro:nif the creditor takes")
	case !byParty && len(p.Identifiers) > 0:
		in.at("traits.identifiers", "identifiers are for by_party, which fetch does not list")
	}
	if f := t.Freshness; f.StaleIfError < f.TTL {
		in.at("traits.freshness.ttl", "longer than stale_if_error (%s): an answer would be dropped while it is fresh", f.StaleIfError)
	} else if f.StaleWhileRevalidate > f.StaleIfError {
		in.at("traits.freshness.stale_while_revalidate", "longer than stale_if_error (%s)", f.StaleIfError)
	}
}

// longestSeason in days is how long a season may be.
const longestSeason = 92

// season reads a season and refuses one that is none.
func (in *inspection) season(p *seasonPart) (s hub.Season) {
	if p == nil {
		return s
	}
	for _, side := range []struct {
		field, text string
		into        *hub.YearDay
	}{{"traits.season.from", p.From, &s.From}, {"traits.season.to", p.To, &s.To}} {
		at, err := time.Parse("2006-01-02", "2001-"+side.text) // no leap year: the day is in every year
		if err != nil {
			in.at(side.field, "%q is not a day of every year; write 12-31", side.text)
			return hub.Season{}
		}
		*side.into = hub.YearDay{Month: at.Month(), Day: at.Day()}
	}
	if until, _ := s.Contains(s.From.In(2001)); s.From == s.To || until.After(s.From.In(2001).AddDate(0, 0, longestSeason)) {
		in.at("traits.season.to", "must come from 1 to %d days after from", longestSeason)
	}
	return s
}

// window reads "23:30-04:30".
func window(s string) (w hub.Window, ok bool) {
	from, to, found := strings.Cut(s, "-")
	var okFrom, okTo bool
	w.From, okFrom = minutes(from)
	w.To, okTo = minutes(to)
	return w, found && okFrom && okTo && w.From != w.To
}

// minutes reads "23:30" as minutes after midnight.
func minutes(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' {
		return 0, false
	}
	hours, errHours := strconv.ParseUint(s[:2], 10, 8)
	mins, errMins := strconv.ParseUint(s[3:], 10, 8)
	return int(hours*60 + mins), errHours == nil && errMins == nil && hours < 24 && mins < 60
}
