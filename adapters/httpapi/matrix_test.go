package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"racord/adapters/httpapi"
	"racord/adapters/keyring"
	"racord/adapters/sqlite"
	"racord/hub"
	"racord/hub/hubtest"
	"racord/hub/onboard"
	"racord/hub/vault"

	validator "github.com/pb33f/libopenapi-validator"
)

// The roles, and whose an object is: the caller's own, another's, nobody's.
var (
	roles   = []string{"anonymous", "citizen", "portal", "company", "approver"}
	objects = []string{"own", "other", "absent"}
)

// bearers are the tokens of the roles.
var bearers = map[string]string{"citizen": "ana", "portal": "portal", "company": "salub", "approver": "maria", "clerk": "staff", "bare person": "bare"}

// row is what every role gets about every object. One status stands for all
// objects, three for own, other and absent.
type row struct {
	want  map[string][]int
	stage hub.Stage // of the version it is done to
	body  string
	kind  string // of the body; default JSON
}

// What roles get about things of a kind.
func everyone(status int) map[string][]int {
	return everybodyGets(status, status, status, status, status)
}

func everybodyGets(anonymous, citizen, portal, company, approver int) map[string][]int {
	return map[string][]int{"anonymous": {anonymous}, "citizen": {citizen}, "portal": {portal}, "company": {company}, "approver": {approver}}
}

func person(status int) map[string][]int { return everybodyGets(401, status, 403, 403, 403) }
func holder(status int) map[string][]int { return everybodyGets(401, status, status, 403, 403) }
func staff() map[string][]int            { return everybodyGets(401, 403, 403, 403, 403) }

// payer is about a payment: a citizen's own, or one that a portal carries.
func payer(status int) map[string][]int {
	w := everybodyGets(401, 0, 0, 403, 403)
	w["citizen"], w["portal"] = []int{status, 404, 404}, []int{status, 404, 404}
	return w
}

// registrar is about a connector: a company's own, and all for an approver.
func registrar(status int) map[string][]int {
	w := everybodyGets(401, 403, 403, 0, 0)
	w["company"], w["approver"] = []int{status, 404, 404}, []int{status, status, 404}
	return w
}

// decision is what only approvers do.
func decision(status int) map[string][]int {
	w := registrar(status)
	w["company"] = []int{403, 404, 404}
	return w
}

// sends is about what a company sends by itself.
func sends(status int) map[string][]int {
	w := everybodyGets(401, 403, 403, 0, 403)
	w["company"] = []int{status, 404, 404}
	return w
}

// begun is what may be the first thing that is done for a creditor.
func begun(status int) map[string][]int {
	w := registrar(status)
	w["approver"] = []int{status}
	return w
}

const refundEnd = `{"outcome":"at_provider","amount":{"amount":1,"currency":"RON"}}`

const because = `{"why":"because"}`

// matrix has a row for every operation of the document.
var matrix = map[string]row{
	"view_read":                  {want: person(200)},
	"creditor_list":              {want: holder(200)},
	"link_list":                  {want: person(200)},
	"link_create":                {want: person(201), body: linkBody},
	"link_delete":                {want: map[string][]int{"anonymous": {401}, "citizen": {204, 404, 404}, "portal": {403}, "company": {403}, "approver": {403}}},
	"quote_create":               {want: everybodyGets(401, 200, 403, 403, 403), body: basket(debt("ditl", 1))},
	"payment_list":               {want: person(200)},
	"payment_open":               {want: holder(400), body: `{}`},
	"payment_read":               {want: payer(200)},
	"payment_resume":             {want: payer(200)},
	"payment_cancel":             {want: payer(200)},
	"payment_refund":             {want: staff(), body: `{"line":1,"expected_refundable":{"amount":1,"currency":"RON"},"reason":"other"}`},
	"payment_refunds":            {want: staff()},
	"payment_refund_confirm":     {want: staff(), body: `{"line":1,"expected_refundable":{"amount":1,"currency":"RON"},"reason":"other"}`},
	"payment_refund_end":         {want: staff(), body: refundEnd},
	"payment_refund_end_confirm": {want: staff(), body: refundEnd},
	"payment_receipt":            {want: payer(409)},    // nothing is booked yet
	"receipt_check":              {want: everyone(404)}, // the code is the right
	"payment_notify":             {want: everyone(404), body: `{}`},
	"ready_read":                 {want: everyone(200)},
	"openapi_read":               {want: everyone(200)},
	"docs_read":                  {want: everyone(200)},

	"obligation_send":    {want: sends(200), body: bill, kind: "application/x-ndjson"},
	"obligation_put":     {want: sends(200), body: bill},
	"obligation_cancel":  {want: sends(404), body: `{"account":"A"}`}, // nothing was sent yet
	"obligation_restore": {want: sends(404), body: `{"account":"A"}`},

	"connector_list":     {want: everybodyGets(401, 403, 403, 200, 200)},
	"connector_read":     {want: registrar(200)},
	"connector_validate": {want: begun(200), body: "url a", kind: "application/yaml"},
	"connector_draft":    {want: begun(200), body: "url a", kind: "application/yaml"},
	"connector_attach":   {want: registrar(200), body: "id", kind: "text/csv"},
	"connector_detach":   {want: registrar(200)},
	"connector_contacts": {want: begun(200), body: `{"contacts":["it@example.com"]}`},
	"connector_diff":     {want: registrar(200)},
	"secret_list":        {want: begun(200)},
	"secret_put":         {want: begun(200), body: "value", kind: "text/plain"},
	"secret_drop":        {want: registrar(204)},
	"version_read":       {want: registrar(200)},
	"version_manifest":   {want: registrar(200)},
	"version_rollback":   {want: registrar(200), stage: hub.StageRetired},
	"version_submit":     {want: registrar(200)},
	"version_prove":      {want: registrar(200), stage: hub.StageProving},
	"version_report":     {want: registrar(200), stage: hub.StageShadow},
	"version_try":        {want: registrar(200), body: `{"debtor":"known"}`},
	"version_approve":    {want: decision(200), stage: hub.StageProving, body: `{}`},
	"version_accounts":   {want: decision(200), stage: hub.StageLive, body: `{"how":"bank_letter"}`},
	"version_promote":    {want: registrar(200), stage: hub.StageCanary, body: `{"to":"canary","share":20}`},
	"version_suspend":    {want: registrar(200), stage: hub.StageLive, body: because},
	"version_resume":     {want: registrar(200), stage: hub.StageSuspended},
	"version_retire":     {want: registrar(200), stage: hub.StageProving, body: because},
	"version_lift":       {want: decision(200), stage: hub.StageQuarantined, body: because},
}

// TestEveryRouteByEveryRole asks every operation of the document as every role
// about an object of its own, another's and nobody's.
func TestEveryRouteByEveryRole(t *testing.T) {
	v := validator.NewValidatorFromV3Model(model(t))
	seen := map[string]bool{}
	for path, item := range model(t).Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			seen[op.OperationId] = true
			r, ok := matrix[op.OperationId]
			if !ok {
				t.Errorf("%s %s (%s) has no row: say what every role gets", method, path, op.OperationId)
				continue
			}
			t.Run(op.OperationId, func(t *testing.T) {
				tryRow(t, v, newRegistry(t, r.stage), strings.ToUpper(method), path, r)
			})
		}
	}
	for name := range matrix {
		if !seen[name] {
			t.Errorf("the row %s is about no operation of the document", name)
		}
	}
}

// TestOnlyPortalsActForPayersWhoDidNotSignIn keeps others from a portal's part: the
// staff, and persons whose token says of nobody who they are.
func TestOnlyPortalsActForPayersWhoDidNotSignIn(t *testing.T) {
	s := newRegistry(t, "")
	s.doorman.callers["bare"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "somebody"}, Portal: "portal", Bare: true}
	for path, item := range model(t).Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			r := matrix[op.OperationId]
			if r.want["anonymous"][0] != http.StatusUnauthorized || r.want["company"][0] != http.StatusForbidden || r.want["citizen"][0] == http.StatusForbidden {
				continue // open to all, or for companies or the staff
			}
			for _, role := range []string{"clerk", "bare person"} {
				target := s.targets(path, "portal", "own")[0]
				if w := s.request(strings.ToUpper(method), target, role, r); w.Code != http.StatusForbidden {
					t.Errorf("%s: %s %s: got %d %s, want 403", role, method, target, w.Code, w.Body)
				}
			}
		}
	}
}

func tryRow(t *testing.T, v validator.Validator, s *registry, method, path string, r row) {
	t.Helper()
	for _, role := range roles {
		answers := map[string]string{}
		for i, object := range objects {
			want := r.want[role][min(i, len(r.want[role])-1)]
			for _, target := range s.targets(path, role, object) {
				if r.want[role][0] == http.StatusForbidden && strings.Contains(target, "/99") {
					continue // whoever may not do it to their own needs no other answer
				}
				w := s.request(method, target, role, r)
				if w.Code != want {
					t.Errorf("%s, %s: %s %s: got %d %s, want %d", role, object, method, target, w.Code, w.Body, want)
				}
				if w.Code == http.StatusNotFound && role != "approver" && !strings.HasPrefix(target, "/v1/notify/") {
					answers[object] = problemIn(t, w).Detail
				}
				s.described(t, v, method, target, r, w)
			}
		}
		if answers["other"] != answers["absent"] {
			t.Errorf("%s tells another's (%q) from nobody's (%q)", role, answers["other"], answers["absent"])
		}
	}
}

// described holds an answer about connectors against the document.
func (s *registry) described(t *testing.T, v validator.Validator, method, target string, r row, w *httptest.ResponseRecorder) {
	t.Helper()
	if !strings.HasPrefix(target, "/v1/connectors") || w.Header().Get("Content-Type") == "text/plain; charset=utf-8" || w.Header().Get("Content-Type") == "application/yaml" {
		return
	}
	request := httptest.NewRequest(method, target, strings.NewReader(r.body))
	request.Header.Set("Authorization", "Bearer x")
	if r.body != "" {
		request.Header.Set("Content-Type", kindOf(r))
	}
	if valid, problems := v.ValidateHttpResponse(request, w.Result()); !valid {
		for _, p := range problems {
			t.Errorf("%s %s: %s: %s %v", method, target, p.Message, p.Reason, p.SchemaValidationErrors)
		}
	}
}

func kindOf(r row) string {
	if r.kind == "" {
		return "application/json"
	}
	return r.kind
}

// registry is an API over real paying and real registration, with objects of
// everybody.
type registry struct {
	*till
	payments map[string]map[string]hub.PaymentID // by role and object
}

// owner is whose connector stands for an object in the eyes of a role.
func owner(role, object string) hub.Name {
	switch {
	case object == "absent":
		return "nobody"
	case object == "other":
		return "heat"
	case role == "approver":
		return "gas" // the company's own may have changed what it has
	default:
		return "salub"
	}
}

// targets fills in a path, in all the ways an object can be absent.
func (s *registry) targets(path, role, object string) (all []string) {
	version, creditor := "1", string(owner(role, object))
	fill := func(creditor, version string) string {
		filled := strings.NewReplacer("{creditor}", creditor, "{version}", version, "{psp}", "nobody", "{code}", "AAAA-BBBB-CCCC-DDDD", "{no}", "1",
			"{id}", s.id(path, role, object)).Replace(path)
		if strings.Contains(path, "/secrets/") {
			filled = strings.ReplaceAll(filled, "{name}", creditor+"-key")
		}
		filled = strings.ReplaceAll(filled, "{name}", "a.csv")
		if strings.HasSuffix(path, "/diff") {
			filled += "?from=" + version + "&to=1"
		}
		return filled
	}
	all = []string{fill(creditor, version)}
	if object == "absent" && (strings.Contains(path, "{version}") || strings.HasSuffix(path, "/diff")) {
		all = append(all, fill(string(owner(role, "own")), "99"))
	}
	return all
}

// id names a payment or a link.
func (s *registry) id(path, role, object string) string {
	switch {
	case strings.HasPrefix(path, "/v1/links"):
		return object
	case strings.HasPrefix(path, "/v1/creditors"):
		return "F1"
	}
	if object == "absent" || s.payments[role] == nil {
		return "nobody"
	}
	return string(s.payments[role][object])
}

func (s *registry) request(method, target, role string, r row) *httptest.ResponseRecorder {
	headers := []string{"Authorization", ""}
	if bearer := bearers[role]; bearer != "" {
		headers[1] = "Bearer " + bearer
	}
	if r.body != "" {
		headers = append(headers, "Content-Type", kindOf(r))
	}
	return s.ask(method, target, r.body, headers...)
}

// ownLinks has the link "own" for everybody and no other.
type ownLinks struct{ links }

func (l *ownLinks) Unlink(_ context.Context, _ hub.Login, id hub.LinkID) error {
	if id != "own" {
		return hub.Errorf(hub.CodeNotFound, "You have no such link.")
	}
	return nil
}

// plain reads any manifest.
type plain struct{}

func (plain) Read(hub.Name, hub.ManifestText) (hub.ManifestFacts, []hub.Field) {
	return hub.ManifestFacts{Kind: "plain", Title: "X", Class: hub.ClassA, Accounts: []hub.CreditorAccount{{ID: "a", IBAN: "RO1", Beneficiary: "X"}}}, nil
}

// suite passes every manifest, and answers every dry run.
type suite struct{}

func (suite) Prove(context.Context, hub.Candidate, hub.SecretStore) (hub.Report, error) {
	return hub.Report{Passed: true, Document: []byte(`{}`)}, nil
}

func (suite) Try(context.Context, hub.Candidate, hub.TrialSubject, hub.SecretStore) (hub.DryRun, error) {
	return hub.DryRun{Records: []hub.DryRecord{{Raw: "<r/>", Refused: []hub.QualityEvent{{Code: "c", Field: "f", Detail: "d"}}}}}, nil
}

func newRegistry(t *testing.T, stage hub.Stage) *registry {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), dir, hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	ring, err := keyring.Open(dir+"/kek", hubtest.Master())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := hub.NewKeys(hubtest.Master(), vault.Purpose)
	if err != nil {
		t.Fatal(err)
	}
	safe := vault.New(store, ring, keys)
	service := onboard.New(onboard.Parts{
		Store: store, Reader: plain{}, Secrets: safe, Keeper: safe, Prover: suite{}, Trier: suite{}, Clock: hubtest.NewClock(noon),
	}, onboard.Default())
	t.Cleanup(service.Close)
	s := &registry{till: newTill(t, func(p *httpapi.Parts, c *httpapi.Conf) {
		sending(t, p)
		p.Connectors, p.Links = service, &ownLinks{}
		c.CallsPerMinute, c.CitizenPerMinute = 10_000, 10_000
	})}
	s.doorman.callers["maria"] = hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "maria"}, Portal: "desk", Approver: true}
	for _, creditor := range []hub.Name{"salub", "heat", "gas"} {
		drafted(t, service, creditor)
		if _, err := store.ChangeRegistration(t.Context(), creditor, func(r *hub.Registration) error { brought(&r.Versions[0], stage); return nil }); err != nil {
			t.Fatal(err)
		}
		if _, err := safe.Put(t.Context(), creditor, string(creditor)+"-key", hub.NewSecret("x"), hub.Login{}); err != nil {
			t.Fatal(err)
		}
	}
	s.openPayments(t)
	return s
}

// drafted is a connector whose first version is a draft with a file.
func drafted(t *testing.T, service *onboard.Service, creditor hub.Name) {
	t.Helper()
	engineer := hub.Caller{Login: hub.Login{Issuer: issuer, Subject: "engineer"}, Company: creditor}
	_, err := service.Draft(t.Context(), engineer, creditor, []byte("url a"))
	if err == nil {
		_, err = service.Attach(t.Context(), engineer, creditor, "a.csv", []byte("id"))
	}
	if err == nil {
		_, err = service.SetContacts(t.Context(), engineer, creditor, []string{"old@example.com"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// brought takes a version to a stage, whatever stands before it.
func brought(v *hub.Version, stage hub.Stage) {
	switch stage {
	case "":
		return
	case hub.StageShadow:
		v.Report = &hub.Report{At: noon, Passed: true, Document: []byte(`{}`)}
	case hub.StageSuspended:
		v.Moves = append(v.Moves, hub.Move{At: noon, From: hub.StageLive, To: stage, As: hub.OfficeCompany})
	}
	v.Stage = stage
}

// openPayments opens a payment for everybody who can have one.
func (s *registry) openPayments(t *testing.T) {
	t.Helper()
	ana := s.opened(t, "k", debt("ditl", 0)).ID
	s.payments = map[string]map[string]hub.PaymentID{
		"citizen": {"own": ana, "other": s.carried(t, "portal")},
	}
	s.payments["portal"] = map[string]hub.PaymentID{"own": s.payments["citizen"]["other"], "other": ana}
	for _, role := range []string{"anonymous", "company", "approver"} {
		s.payments[role] = map[string]hub.PaymentID{"own": ana, "other": ana}
	}
}

// TestADryRunAsksAboutAnyTestDebtor names each that a manifest may have.
func TestADryRunAsksAboutAnyTestDebtor(t *testing.T) {
	s := newRegistry(t, "")
	for debtor, want := range map[string]int{"known": 200, "other": 200, "unknown": 200, "settled": 200, "somebody": 400, "": 400} {
		got := s.request("POST", "/v1/connectors/salub/versions/1/try", "company", row{body: fmt.Sprintf(`{"debtor":%q}`, debtor)})
		if got.Code != want {
			t.Errorf("%q: got %d %s, want %d", debtor, got.Code, got.Body, want)
		}
	}
}

// TestRowsAreWhole finds a row that forgets a role.
func TestRowsAreWhole(t *testing.T) {
	for name, r := range matrix {
		for _, role := range roles {
			if n := len(r.want[role]); n != 1 && n != len(objects) || slices.Contains(r.want[role], 0) {
				t.Errorf("%s: %s has %v, want one status or one for each of %v", name, role, fmt.Sprint(r.want[role]), objects)
			}
		}
	}
}
