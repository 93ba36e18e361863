package view

import "racord/hub"

// The reasons a page can have: a closed set, stable for programs.
const (
	reasonTimeout     = "timeout"
	reasonUnavailable = "unavailable"
	reasonBusy        = "busy"
	reasonMaintenance = "maintenance"
	reasonAuth        = "auth"
	reasonBadData     = "bad_data"
	reasonForeign     = "quarantined"
	reasonRefused     = "records_refused"
	reasonNotFinal    = "not_final"
	reasonRefreshing  = "refreshing"
	reasonOutdated    = "outdated"
	reasonNotLinked   = "not_linked"
	reasonNoCode      = "no_code"
	reasonYearChange  = "year_change"
	reasonInternal    = "internal"
)

var reasons = map[hub.Code]string{
	hub.CodeTimeout: reasonTimeout, hub.CodeCancelled: reasonTimeout,
	hub.CodeUnavailable: reasonUnavailable, hub.CodeBusy: reasonBusy,
	hub.CodeMaintenance: reasonMaintenance, hub.CodeAuth: reasonAuth,
	hub.CodeBadData: reasonBadData, hub.CodeForeignData: reasonForeign,
}

func reasonOf(err error) string {
	if reason, ok := reasons[hub.CodeOf(err)]; ok {
		return reason
	}
	return reasonInternal
}

// messages are the reasons as sentences for a person.
var messages = map[string]string{
	reasonTimeout:     "The creditor did not answer in time.",
	reasonUnavailable: "The creditor cannot be reached now.",
	reasonBusy:        "The creditor is overloaded and asks to come back later.",
	reasonMaintenance: "The creditor's system is closed now.",
	reasonAuth:        "The creditor refuses the city's access; the operators know.",
	reasonBadData:     "The creditor's answer cannot be trusted and is not shown.",
	reasonForeign:     "The creditor's connection is stopped until the city has checked it.",
	reasonRefused:     "Some of the creditor's records are damaged and are left out.",
	reasonNotFinal:    "The creditor says that these amounts are not final.",
	reasonRefreshing:  "A remembered answer; a new one is on its way.",
	reasonOutdated:    "The creditor's last amounts are older than they should be.",
	reasonNotLinked:   "Link your account with this creditor to see what you owe.",
	reasonNoCode:      hub.NoCode,
	reasonInternal:    "Something went wrong on our side.",
}
