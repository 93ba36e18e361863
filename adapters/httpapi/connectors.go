package httpapi

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"racord/hub"
	"racord/hub/onboard"
)

// Connectors is where companies register what they connect with;
// onboard.Service is one. What a caller does not own it does not find.
type Connectors interface {
	List(ctx context.Context, who hub.Caller) ([]hub.Registration, error)
	Registration(ctx context.Context, who hub.Caller, creditor hub.Name) (hub.Registration, error)
	Read(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (onboard.Detail, error)
	Validate(ctx context.Context, who hub.Caller, creditor hub.Name, text hub.ManifestText) ([]hub.Field, error)
	Draft(ctx context.Context, who hub.Caller, creditor hub.Name, yaml []byte) (onboard.Detail, error)
	Attach(ctx context.Context, who hub.Caller, creditor hub.Name, name string, data []byte) (onboard.Detail, error)
	RollBack(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (onboard.Detail, error)
	Diff(ctx context.Context, who hub.Caller, creditor hub.Name, from, to int) (string, error)
	SetContacts(ctx context.Context, who hub.Caller, creditor hub.Name, addresses []string) (hub.Registration, error)
	Submit(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (hub.Version, error)
	Prove(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (hub.Version, error)
	Report(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (hub.Report, error)
	Try(ctx context.Context, who hub.Caller, creditor hub.Name, version int, whom hub.TrialSubject) (hub.DryRun, error)
	Approve(ctx context.Context, who hub.Caller, creditor hub.Name, version int, note string) (hub.Version, error)
	ProveAccounts(ctx context.Context, who hub.Caller, creditor hub.Name, version int, how string) (hub.Version, error)
	Promote(ctx context.Context, who hub.Caller, creditor hub.Name, version int, to hub.Stage, share int) (hub.Version, error)
	Suspend(ctx context.Context, who hub.Caller, creditor hub.Name, version int, why string) (hub.Version, error)
	Resume(ctx context.Context, who hub.Caller, creditor hub.Name, version int) (hub.Version, error)
	Retire(ctx context.Context, who hub.Caller, creditor hub.Name, version int, why string) (hub.Version, error)
	Lift(ctx context.Context, who hub.Caller, creditor hub.Name, version int, why string) (hub.Version, error)
	Cards(ctx context.Context, who hub.Caller, creditor hub.Name) ([]hub.SecretCard, error)
	PutSecret(ctx context.Context, who hub.Caller, creditor hub.Name, name string, value hub.Secret) (hub.SecretCard, error)
	DropSecret(ctx context.Context, who hub.Caller, creditor hub.Name, name string, previous bool) error
}

// connectorRoutes is the part of the table of contents for companies and approvers.
func (a *API) connectorRoutes() []route {
	const connector, version = "/v1/connectors/{creditor}", "/v1/connectors/{creditor}/versions/{version}"
	op := func(name string) operation { return operation{name: name, who: registrars, rate: a.limits.calls} }
	return []route{
		{"GET /v1/connectors", serve(a, op("connector_list"), decodeNothing, registering(a, listConnectors), writeKept)},
		{"GET " + connector, serve(a, op("connector_read"), decodeCreditor, registering(a, readConnector), writeKept)},
		{"POST " + connector + "/validate", serve(a, op("connector_validate"), decodeText, registering(a, validate), writeKept)},
		{"PUT " + connector + "/draft", serve(a, op("connector_draft"), decodeManifest, registering(a, putDraft), writeKept)},
		{"PUT " + connector + "/draft/files/{name}", serve(a, op("connector_attach"), decodeFile, registering(a, attach), writeKept)},
		{"DELETE " + connector + "/draft/files/{name}", serve(a, op("connector_detach"), decodeFileName, registering(a, attach), writeKept)},
		{"PUT " + connector + "/contacts", serve(a, op("connector_contacts"), decodeContacts, registering(a, setContacts), writeKept)},
		{"GET " + connector + "/diff", serve(a, op("connector_diff"), decodeDiff, registering(a, diff), writeText)},
		{"GET " + connector + "/secrets", serve(a, op("secret_list"), decodeCreditor, registering(a, listSecrets), writeKept)},
		{"PUT " + connector + "/secrets/{name}", serve(a, op("secret_put"), decodeSecret, registering(a, putSecret), writeKept)},
		{"DELETE " + connector + "/secrets/{name}", serve(a, op("secret_drop"), decodeSecretName, registering(a, dropSecret), writeEmpty)},
		{"GET " + version, serve(a, op("version_read"), decodeVersion, registering(a, readVersion), writeKept)},
		{"GET " + version + "/manifest", serve(a, op("version_manifest"), decodeVersion, registering(a, readManifest), writeYAML)},
		{"POST " + version + "/rollback", serve(a, op("version_rollback"), decodeVersion, registering(a, rollBack), writeKept)},
		{"POST " + version + "/submit", serve(a, op("version_submit"), decodeVersion, registering(a, submit), writeKept)},
		{"POST " + version + "/prove", serve(a, op("version_prove"), decodeVersion, registering(a, proveAgain), writeKept)},
		{"GET " + version + "/report", serve(a, op("version_report"), decodeVersion, registering(a, report), writeReport)},
		{"POST " + version + "/try", a.upload(serve(a, streamed(op("version_try")), decodeTry, registering(a, try), writeKept))},
		{"POST " + version + "/approve", serve(a, op("version_approve"), decodeApproval, registering(a, approve), writeKept)},
		{"POST " + version + "/accounts", serve(a, op("version_accounts"), decodeAccounts, registering(a, proveAccounts), writeKept)},
		{"POST " + version + "/promote", serve(a, op("version_promote"), decodePromotion, registering(a, promote), writeKept)},
		{"POST " + version + "/suspend", serve(a, op("version_suspend"), decodeReason, registering(a, reasoned(Connectors.Suspend)), writeKept)},
		{"POST " + version + "/resume", serve(a, op("version_resume"), decodeVersion, registering(a, resumeVersion), writeKept)},
		{"POST " + version + "/retire", serve(a, op("version_retire"), decodeReason, registering(a, reasoned(Connectors.Retire)), writeKept)},
		{"POST " + version + "/lift", serve(a, op("version_lift"), decodeReason, registering(a, reasoned(Connectors.Lift)), writeKept)},
	}
}

// registering gives a use case of Connectors its caller.
func registering[Req, Resp any](a *API, do func(context.Context, Connectors, hub.Caller, Req) (Resp, error)) func(context.Context, hub.Login, Req) (Resp, error) {
	return func(ctx context.Context, _ hub.Login, request Req) (none Resp, _ error) {
		if a.Connectors == nil {
			return none, errNotOffered
		}
		return do(ctx, a.Connectors, exchangeOf(ctx).caller, request)
	}
}

// versionRef names a version of a creditor's connector; of the whole connector
// when no is 0.
type versionRef struct {
	creditor hub.Name
	no       int
}

// errNoConnector is one answer for what is not there and for what is another's.
var errNoConnector = hub.Errorf(hub.CodeNotFound, "There is no such connector, or no such version of it.")

func decodeCreditor(r *http.Request) (versionRef, error) {
	if _, err := params(r); err != nil {
		return versionRef{}, err
	}
	return creditorIn(r)
}

func creditorIn(r *http.Request) (versionRef, error) {
	ref := versionRef{creditor: hub.Name(r.PathValue("creditor"))}
	if !ref.creditor.Valid() {
		return ref, errNoConnector
	}
	return ref, nil
}

func decodeVersion(r *http.Request) (versionRef, error) {
	ref, err := decodeCreditor(r)
	if err != nil {
		return ref, err
	}
	ref.no, err = versionNumber(r.PathValue("version"))
	return ref, err
}

func versionNumber(s string) (int, error) {
	no, err := strconv.ParseUint(s, 10, 16)
	if err != nil || no == 0 {
		return 0, errNoConnector
	}
	return int(no), nil
}

// withBytes is a body that is not JSON.
type withBytes struct {
	versionRef
	name string
	data []byte
}

// The most bytes of bodies that are not JSON.
const (
	longestManifest = 256 << 10
	longestFile     = 1 << 20
	longestSecret   = 16 << 10
)

func decodeManifest(r *http.Request) (b withBytes, err error) {
	if b.versionRef, err = decodeCreditor(r); err == nil {
		b.data, err = readBytes(r, "application/yaml", longestManifest)
	}
	return b, err
}

func decodeFile(r *http.Request) (b withBytes, err error) {
	if b, err = decodeFileName(r); err == nil {
		b.data, err = readBytes(r, "text/csv", longestFile)
	}
	return b, err
}

func decodeFileName(r *http.Request) (b withBytes, err error) {
	b.versionRef, err = decodeCreditor(r)
	b.name = r.PathValue("name")
	return b, err
}

func decodeSecret(r *http.Request) (b withBytes, err error) {
	if b, err = decodeFileName(r); err == nil {
		b.data, err = readBytes(r, "text/plain", longestSecret)
	}
	return b, err
}

// readBytes reads a body of one type, in UTF-8 where it says a charset.
func readBytes(r *http.Request, want string, most int64) ([]byte, error) {
	kind, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := options["charset"]; err != nil || kind != want || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, hub.Errorf(codeMediaType, "The body must be %s in UTF-8.", want)
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	switch {
	case err != nil:
		return nil, cutShort(err)
	case len(data) == 0:
		return nil, hub.Errorf(codeMalformed, "The body is empty.")
	}
	return data, nil
}

// cutShort says why a body was not read to its end.
func cutShort(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return hub.Errorf(codeTooLarge, "The body is longer than %d KiB.", tooLong.Limit>>10)
	}
	return hub.Errorf(codeMalformed, "The body did not arrive whole.")
}

func listConnectors(ctx context.Context, c Connectors, who hub.Caller, _ none) (connectorsShown, error) {
	all, err := c.List(ctx, who)
	list := connectorsShown{Connectors: make([]connectorShown, len(all))}
	for i := range all {
		list.Connectors[i] = shownConnector(&all[i])
	}
	return list, err
}

func readConnector(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (connectorRecordShown, error) {
	r, err := c.Registration(ctx, who, ref.creditor)
	return shownRecord(&r), err
}

func validate(ctx context.Context, c Connectors, who hub.Caller, t withText) (validationShown, error) {
	problems, err := c.Validate(ctx, who, t.creditor, t.text)
	return validationShown{Valid: len(problems) == 0, Problems: orNone(problems)}, err
}

func putDraft(ctx context.Context, c Connectors, who hub.Caller, b withBytes) (versionDetailShown, error) {
	d, err := c.Draft(ctx, who, b.creditor, b.data)
	return shownDetail(&d), err
}

func attach(ctx context.Context, c Connectors, who hub.Caller, b withBytes) (versionDetailShown, error) {
	d, err := c.Attach(ctx, who, b.creditor, b.name, b.data)
	return shownDetail(&d), err
}

func rollBack(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (versionDetailShown, error) {
	d, err := c.RollBack(ctx, who, ref.creditor, ref.no)
	return shownDetail(&d), err
}

func readVersion(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (versionDetailShown, error) {
	d, err := c.Read(ctx, who, ref.creditor, ref.no)
	return shownDetail(&d), err
}

func readManifest(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) ([]byte, error) {
	d, err := c.Read(ctx, who, ref.creditor, ref.no)
	return d.Text.YAML, err
}

// contactsWanted is the body of PUT /v1/connectors/{creditor}/contacts.
type contactsWanted struct {
	versionRef
	Contacts []string `json:"contacts"`
}

func decodeContacts(r *http.Request) (want contactsWanted, err error) {
	if want.versionRef, err = decodeCreditor(r); err == nil {
		err = decodeJSON(r, &want)
	}
	return want, err
}

func setContacts(ctx context.Context, c Connectors, who hub.Caller, want contactsWanted) (connectorRecordShown, error) {
	r, err := c.SetContacts(ctx, who, want.creditor, want.Contacts)
	return shownRecord(&r), err
}

// versions is two versions of one connector.
type versions struct {
	creditor hub.Name
	from, to int
}

func decodeDiff(r *http.Request) (versions, error) {
	query, err := params(r, "from", "to")
	if err != nil {
		return versions{}, err
	}
	ref, err := creditorIn(r)
	if err != nil {
		return versions{}, err
	}
	v := versions{creditor: ref.creditor}
	for name, into := range map[string]*int{"from": &v.from, "to": &v.to} {
		if len(query[name]) != 1 {
			return v, invalid(name, "must be the number of a version, once")
		}
		if *into, err = versionNumber(query[name][0]); err != nil {
			return v, invalid(name, "must be the number of a version")
		}
	}
	return v, nil
}

func diff(ctx context.Context, c Connectors, who hub.Caller, v versions) ([]byte, error) {
	text, err := c.Diff(ctx, who, v.creditor, v.from, v.to)
	return []byte(text), err
}

func listSecrets(ctx context.Context, c Connectors, who hub.Caller, ref versionRef) (secretsShown, error) {
	cards, err := c.Cards(ctx, who, ref.creditor)
	list := secretsShown{Secrets: make([]secretShown, len(cards))}
	for i := range cards {
		list.Secrets[i] = shownSecret(&cards[i])
	}
	return list, err
}

// putSecret takes a secret as it stands in a file: the end of its last line is not
// part of it.
func putSecret(ctx context.Context, c Connectors, who hub.Caller, b withBytes) (secretShown, error) {
	value := hub.NewSecret(strings.TrimRight(string(b.data), "\r\n"))
	card, err := c.PutSecret(ctx, who, b.creditor, b.name, value)
	return shownSecret(&card), err
}

// secretSlot names a secret, or only its value before the newest.
type secretSlot struct {
	withBytes
	previous bool
}

func decodeSecretName(r *http.Request) (s secretSlot, err error) {
	query, err := params(r, "slot")
	if err != nil {
		return s, err
	}
	if s.versionRef, err = creditorIn(r); err != nil {
		return s, err
	}
	if s.name = r.PathValue("name"); !printable(s.name) {
		return s, hub.Errorf(hub.CodeNotFound, "There is no such secret.")
	}
	switch slots := query["slot"]; {
	case len(slots) == 0:
	case len(slots) == 1 && slots[0] == "previous":
		s.previous = true
	default:
		return s, invalid("slot", "must be previous, or missing for the whole secret")
	}
	return s, nil
}

func dropSecret(ctx context.Context, c Connectors, who hub.Caller, s secretSlot) (none, error) {
	return none{}, c.DropSecret(ctx, who, s.creditor, s.name, s.previous)
}
