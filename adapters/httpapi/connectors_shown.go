package httpapi

import (
	"time"

	"racord/hub"
	"racord/hub/onboard"
)

// orNone is a list that encodes as one, also when there is nothing in it.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

type connectorsShown struct {
	Connectors []connectorShown `json:"connectors"`
}

// connectorShown is a connector in a list.
type connectorShown struct {
	Creditor hub.Name    `json:"creditor"`
	Name     string      `json:"name,omitempty"`
	Kind     string      `json:"kind,omitempty"`
	Versions int         `json:"versions"`
	Draft    int         `json:"draft,omitempty"`   // its number
	Proving  int         `json:"proving,omitempty"` // and so on
	Coming   int         `json:"coming,omitempty"`
	Live     int         `json:"live,omitempty"`
	Pays     bool        `json:"pays"`
	Aside    []hub.Stage `json:"aside,omitempty"` // suspended or quarantined, if some version is
}

func shownConnector(r *hub.Registration) connectorShown {
	c := connectorShown{Creditor: r.Creditor, Versions: len(r.Versions)}
	for i := range r.Versions {
		v := &r.Versions[i]
		if v.Facts.Kind != "" {
			c.Name, c.Kind = v.Facts.Title, v.Facts.Kind
		}
		c.Pays = c.Pays || v.Pays
		switch v.Stage {
		case hub.StageDraft:
			c.Draft = v.No
		case hub.StageProving:
			c.Proving = v.No
		case hub.StageShadow, hub.StageCanary:
			c.Coming = v.No
		case hub.StageLive:
			c.Live = v.No
		case hub.StageSuspended, hub.StageQuarantined:
			c.Aside = append(c.Aside, v.Stage)
		}
	}
	return c
}

// connectorRecordShown is all that is on record about a connector.
type connectorRecordShown struct {
	Creditor hub.Name       `json:"creditor"`
	Contacts []contactShown `json:"contacts"`
	Versions []versionShown `json:"versions"` // newest first
	Notices  []noticeShown  `json:"notices"`  // newest first
	Proofs   []proofShown   `json:"account_proofs"`
}

type contactShown struct {
	Address string     `json:"address"`
	Since   time.Time  `json:"since"`
	Until   *time.Time `json:"until,omitempty"`
}

type noticeShown struct {
	At      time.Time `json:"at"`
	Contact string    `json:"contact"`
	Version int       `json:"version,omitempty"`
	Kind    string    `json:"kind"`
	Detail  string    `json:"detail"`

	DeliveredAt *time.Time    `json:"delivered_at,omitempty"` // by the first channel
	Letters     []letterShown `json:"deliveries"`
}

// letterShown is how far a notice has come by one channel.
type letterShown struct {
	Channel     hub.Channel `json:"channel"`
	State       string      `json:"state"` // waiting delivered given_up
	Tries       int         `json:"tries"`
	DeliveredAt *time.Time  `json:"delivered_at,omitempty"`
	LastError   string      `json:"last_error,omitempty"`
}

type proofShown struct {
	IBAN        string    `json:"iban"`
	Beneficiary string    `json:"beneficiary"`
	By          string    `json:"by"`
	At          time.Time `json:"at"`
	How         string    `json:"how"`
}

func shownRecord(r *hub.Registration) connectorRecordShown {
	s := connectorRecordShown{
		Creditor: r.Creditor, Contacts: []contactShown{}, Versions: []versionShown{}, Notices: []noticeShown{}, Proofs: []proofShown{},
	}
	for _, c := range r.Contacts {
		s.Contacts = append(s.Contacts, contactShown{c.Address, c.Since.UTC(), momentOf(c.Until)})
	}
	for i := len(r.Versions) - 1; i >= 0; i-- {
		s.Versions = append(s.Versions, shownVersion(r.Creditor, &r.Versions[i]))
	}
	for i := len(r.Notices) - 1; i >= 0; i-- {
		s.Notices = append(s.Notices, shownNotice(&r.Notices[i]))
	}
	for _, p := range r.Proofs {
		s.Proofs = append(s.Proofs, proofShown{p.IBAN, p.Beneficiary, p.By.Subject, p.At.UTC(), p.How})
	}
	return s
}

func shownNotice(n *hub.ContactNotice) noticeShown {
	s := noticeShown{At: n.At.UTC(), Contact: n.Contact, Version: n.Version, Kind: n.Kind, Detail: n.Detail, Letters: []letterShown{}}
	for _, l := range n.Letters {
		shown := letterShown{l.Channel, "waiting", l.Tries, momentOf(l.DeliveredAt), l.Detail}
		switch {
		case shown.DeliveredAt != nil:
			shown.State = "delivered"
			if s.DeliveredAt == nil || l.DeliveredAt.Before(*s.DeliveredAt) {
				s.DeliveredAt = shown.DeliveredAt
			}
		case l.Settled:
			shown.State = "given_up"
		}
		s.Letters = append(s.Letters, shown)
	}
	return s
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// versionShown is a version with its history.
type versionShown struct {
	Creditor  hub.Name        `json:"creditor"`
	Version   int             `json:"version"`
	Stage     hub.Stage       `json:"stage"`
	Share     int             `json:"share,omitempty"`
	Pays      bool            `json:"pays"`
	Class     hub.Class       `json:"class,omitempty"`
	Since     time.Time       `json:"since"`
	Author    string          `json:"author"`
	CreatedAt time.Time       `json:"created_at"`
	Submitted *time.Time      `json:"submitted_at,omitempty"`
	Digest    string          `json:"digest"`
	Report    *verdictShown   `json:"report,omitempty"`
	Approvals []approvalShown `json:"approvals"`
	History   []moveShown     `json:"history"`
}

type verdictShown struct {
	At     time.Time `json:"at"`
	Passed bool      `json:"passed"`
	Class  hub.Class `json:"class,omitempty"`
}

type approvalShown struct {
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

type moveShown struct {
	At    time.Time  `json:"at"`
	By    string     `json:"by,omitempty"` // "" = the hub itself
	As    hub.Office `json:"as,omitempty"`
	From  hub.Stage  `json:"from,omitempty"`
	To    hub.Stage  `json:"to"`
	Share int        `json:"share,omitempty"`
	Why   string     `json:"why,omitempty"`
}

func shownVersion(creditor hub.Name, v *hub.Version) versionShown {
	s := versionShown{
		Creditor: creditor, Version: v.No, Stage: v.Stage, Share: v.Share, Pays: v.Pays, Class: v.Class, Since: v.Since.UTC(),
		Author: v.Author.Subject, CreatedAt: v.CreatedAt.UTC(), Submitted: momentOf(v.Submitted), Digest: v.Digest,
		Approvals: []approvalShown{}, History: []moveShown{},
	}
	if v.Report != nil {
		s.Report = &verdictShown{v.Report.At.UTC(), v.Report.Passed, v.Report.Class}
	}
	for _, a := range v.Approvals {
		s.Approvals = append(s.Approvals, approvalShown{a.By.Subject, a.At.UTC(), a.Note})
	}
	for _, m := range v.Moves {
		s.History = append(s.History, moveShown{m.At.UTC(), m.By.Subject, m.As, m.From, m.To, m.Share, m.Why})
	}
	return s
}

// versionDetailShown is a version with what stands before its next stage.
type versionDetailShown struct {
	versionShown
	Facts    hub.ManifestFacts `json:"facts"`
	Files    []fileShown       `json:"files"`
	Problems []hub.Field       `json:"problems"`
	Next     hub.Stage         `json:"next,omitempty"`
	Gates    []gateShown       `json:"gates"`
	Trial    trialShown        `json:"trial"`
}

type fileShown struct {
	Name  string `json:"name"`
	Bytes int    `json:"bytes"`
}

type gateShown struct {
	Gate   string `json:"gate"`
	Met    bool   `json:"met"`
	Detail string `json:"detail"`
}

type trialShown struct {
	Calls      int64           `json:"calls"`
	Failed     int64           `json:"failed"`
	Compared   int64           `json:"compared"`
	Differed   int64           `json:"differed"`
	Foreign    int64           `json:"foreign"`
	Mismatches []mismatchShown `json:"mismatches"`
}

type mismatchShown struct {
	At         time.Time `json:"at"`
	Subject    string    `json:"subject"`
	Obligation string    `json:"obligation,omitempty"`
	Field      string    `json:"field"`
	Candidate  string    `json:"candidate"`
	Current    string    `json:"current"`
}

func shownDetail(d *onboard.Detail) versionDetailShown {
	s := versionDetailShown{
		versionShown: shownVersion(d.Creditor, &d.Version), Facts: d.Version.Facts, Files: []fileShown{}, Problems: orNone(d.Problems),
		Next: d.Next, Gates: []gateShown{}, Trial: shownTrial(&d.Trial),
	}
	for _, f := range d.Text.Files {
		s.Files = append(s.Files, fileShown{f.Name, len(f.Data)})
	}
	for _, g := range d.Gates {
		s.Gates = append(s.Gates, gateShown{g.Name, g.Met, g.Detail})
	}
	return s
}

func shownTrial(t *hub.Trial) trialShown {
	s := trialShown{Calls: t.Calls, Failed: t.Failed, Compared: t.Compared, Differed: t.Differed, Foreign: t.Foreign, Mismatches: []mismatchShown{}}
	for _, m := range t.Mismatches {
		m.At = m.At.UTC()
		s.Mismatches = append(s.Mismatches, mismatchShown(m))
	}
	return s
}

type validationShown struct {
	Valid    bool        `json:"valid"`
	Problems []hub.Field `json:"problems"`
}

type secretsShown struct {
	Secrets []secretShown `json:"secrets"`
}

// secretShown is what anybody sees of a secret.
type secretShown struct {
	Name        string       `json:"name"`
	Fingerprint string       `json:"fingerprint"`
	SetAt       time.Time    `json:"set_at"`
	By          string       `json:"by"`
	Previous    *secretShown `json:"previous,omitempty"`
}

func shownSecret(c *hub.SecretCard) secretShown {
	s := secretShown{Name: c.Name, Fingerprint: c.Fingerprint, SetAt: c.SetAt.UTC(), By: c.By.Subject}
	if c.Previous != nil {
		before := shownSecret(c.Previous)
		s.Previous = &before
	}
	return s
}
