package identity

import "strings"

// Clients whose subject is not the client itself: the desk is the program, the
// subject is who works at it.
const (
	CompanyDesk    = "demo-company-desk" // azp of companies' tokens
	companyPrefix  = "company-"          // company-water speaks for the creditor water
	approverPrefix = "approver-"         // approver-maria is one of the city's people
)

// desk is what a machine's or a staff person's token says.
type desk struct {
	client, scope, creditor string
}

// deskOf tells what whoever signs in with a client's name is granted.
func deskOf(id string) (desk, bool) {
	if creditor, ok := strings.CutPrefix(id, companyPrefix); ok && plainName(creditor) {
		return desk{CompanyDesk, "racord connectors", creditor}, true
	}
	if name, ok := strings.CutPrefix(id, approverPrefix); ok && plainName(name) {
		return desk{StaffDesk, "racord connectors.approve", ""}, true
	}
	scope, known := services[id]
	return desk{id, scope, ""}, known
}

func plainName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}
