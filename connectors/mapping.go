package connectors

import (
	"racord/hub"
)

// subjectPart says where an answer repeats whom it is about.
type subjectPart struct {
	Party   *Field `json:"party" doc:"The CNP or CUI the answer is about, when asked by party. All values found must be the one asked for." as:"text"`
	Account *Field `json:"account" doc:"The account the answer is about, when asked by account." as:"text"`
	Record  *Field `json:"record" doc:"Whom a record is about; a foreign one is refused alone." as:"text"`
	Among   *Field `json:"among" doc:"What record must be one of; without it, what was asked for." as:"text"`
}

// selection decides whether a part stands for a record, and how often. A field
// takes the first place only.
type selection struct {
	When  *condition      `json:"when" doc:"Only when this is so."`
	Each  Path            `json:"each" doc:"Once for every element of this list, with paths that start there."`
	Where map[string]Path `json:"where" doc:"Only elements whose field (left) equals the record's (right)."`

	where []match
}

type match struct{ element, record Path }

func (s *selection) Check(report func(field, problem string)) {
	if s.Where != nil && s.Each.IsZero() {
		report("where", "where chooses elements of an each")
	}
	for left, right := range s.Where {
		element, wrong := ParsePath(left)
		if wrong != "" {
			report("where", "the left side is "+wrong)
		}
		if right.from == fromHere {
			right.from = fromRecord
		}
		s.where = append(s.where, match{element, right})
	}
}

// obligationMap is the mapping of one record.
type obligationMap struct {
	ExternalID  *Field            `json:"external_id" doc:"The creditor's own id; it never changes and no two debts share one." as:"text" required:"true"`
	Kind        *Field            `json:"kind" doc:"What kind of debt it is: tax.building, fine.parking, water.bill …" as:"text" required:"true"`
	Outstanding *Field            `json:"outstanding" doc:"What is owed now, of this record alone; negative is a credit." as:"amount" required:"true"`
	Total       *Field            `json:"total" doc:"What the debt is in all. Without it, paid plus outstanding." as:"amount"`
	Paid        *Field            `json:"paid" doc:"What was paid. Without it, total less outstanding." as:"amount"`
	Account     *Field            `json:"account" doc:"The creditor's account of the citizen." as:"text"`
	Debtor      *Field            `json:"debtor" doc:"Name as the creditor knows it." as:"text"`
	Subject     *subjectMap       `json:"subject" doc:"The thing it is about."`
	Reference   *referenceMap     `json:"reference" doc:"Numbers on paper."`
	Period      *periodMap        `json:"period" doc:"The time it is for."`
	IssuedOn    *Field            `json:"issued_on" doc:"Day it was issued." as:"day"`
	LegalStage  *Field            `json:"legal_stage" doc:"none, notified, enforceable, summons, garnishment, contested, suspended, rescheduled." as:"text"`
	Status      *Field            `json:"status" doc:"open, partially_paid, paid, credit, cancelled, disputed, suspended, prescribed, not_yet_payable. Without it, from the amounts." as:"text"`
	IncludesOld *Field            `json:"includes_previous_balance" doc:"Whether outstanding contains older bills." as:"truth"`
	Excludes    []listMap         `json:"excludes" doc:"External ids of records whose outstanding is inside this one's."`
	Replaces    []listMap         `json:"replaces" doc:"External ids this record cancels."`
	Components  []componentMap    `json:"components" doc:"Parts of the total. Parts of nothing are left out."`
	Instalments []instalmentMap   `json:"installments" doc:"Due dates."`
	Options     []optionMap       `json:"options" doc:"Ways to pay. Without it, all that is outstanding at once."`
	NextChange  []changeMap       `json:"next_change" doc:"When the amount changes and why; the earliest in the future counts."`
	IBAN        *Field            `json:"iban" doc:"Bank account it is paid to. Without it, or where there is none, the creditor's only account." as:"text"`
	RevenueCode *Field            `json:"revenue_code" doc:"Budget classification. Without it, that of the bank account." as:"text"`
	Details     map[string]*Field `json:"details" doc:"Anything else a citizen may want to see; amounts and dates are written the same way for all." as:"detail"`
}

func (m *obligationMap) Check(report func(field, problem string)) {
	if m.Status != nil && m.Status.constant && !validStatus(hub.ObligationStatus(m.Status.written)) {
		report("status", "unknown status; "+oneOf(statusNames()))
	}
	if m.Status != nil {
		for theirs, ours := range m.Status.table {
			if !validStatus(hub.ObligationStatus(ours)) {
				report("status.table."+theirs, "unknown status; "+oneOf(statusNames()))
			}
		}
	}
}

var statuses = []hub.ObligationStatus{
	hub.StatusOpen, hub.StatusPartiallyPaid, hub.StatusPaid, hub.StatusCredit, hub.StatusCancelled,
	hub.StatusDisputed, hub.StatusSuspended, hub.StatusPrescribed, hub.StatusNotYetPayable,
}

func validStatus(s hub.ObligationStatus) bool {
	for _, known := range statuses {
		if s == known {
			return true
		}
	}
	return false
}

func statusNames() []string {
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = string(s)
	}
	return names
}

type subjectMap struct {
	Type  *Field `json:"type" doc:"flat, land, vehicle, meter …" as:"text"`
	Label *Field `json:"label" doc:"As a citizen names it." as:"text"`
	Ref   *Field `json:"ref" doc:"Its number." as:"text"`
}

type referenceMap struct {
	Invoice    *Field `json:"invoice" doc:"Number of the invoice." as:"text"`
	PVSeries   *Field `json:"pv_series" doc:"Series of the fine report." as:"text"`
	PVNumber   *Field `json:"pv_number" doc:"Number of the fine report." as:"text"`
	PVUnique   *Field `json:"pv_unique" doc:"The report's unique series of 23 characters (Law 203/2018)." as:"text"`
	Decision   *Field `json:"decision" doc:"Number of the assessment." as:"text"`
	PaymentRef *Field `json:"payment_ref" doc:"What to write on a bank transfer." as:"text"`
}

type periodMap struct {
	From  *Field `json:"from" doc:"First day." as:"day"`
	To    *Field `json:"to" doc:"Last day." as:"day"`
	Label *Field `json:"label" doc:"As the creditor writes it." as:"text"`
	Month *Field `json:"month" doc:"A month: first day, last day and label at once." as:"month"`
	Year  *Field `json:"year" doc:"A calendar year: first day, last day and label at once." as:"whole"`
}

type listMap struct {
	selection
	ID *Field `json:"id" doc:"The external id." as:"text" required:"true"`
}

type componentMap struct {
	selection
	Type   *Field `json:"type" doc:"principal, late, penalty, fee, vat, previous_balance, discount, credit, rounding." as:"text" required:"true"`
	Label  *Field `json:"label" doc:"As the creditor names it." as:"text"`
	Amount *Field `json:"amount" doc:"The part." as:"amount" required:"true"`
}

type instalmentMap struct {
	selection
	No          *Field `json:"no" doc:"Its number. Without it, they are counted." as:"whole"`
	DueOn       *Field `json:"due_on" doc:"Last day to pay." as:"day" required:"true"`
	Amount      *Field `json:"amount" doc:"The instalment. Without it, the total." as:"amount"`
	Outstanding *Field `json:"outstanding" doc:"What is left of it. Without it, the record's outstanding." as:"amount"`
}

type optionMap struct {
	selection
	ID             *Field        `json:"id" doc:"Name of the option within the debt. Without it, its kind." as:"text"`
	Kind           *Field        `json:"kind" doc:"full, installment, early_full_year, reduced_fine, arrears_only, custom." as:"text" required:"true"`
	Label          *Field        `json:"label" doc:"As the creditor words it." as:"text"`
	Amount         *Field        `json:"amount" doc:"What the creditor takes." as:"amount" required:"true"`
	LegalBasis     *Field        `json:"legal_basis" doc:"The law it rests on." as:"text"`
	AvailableUntil *Field        `json:"available_until" doc:"Last day." as:"day"`
	Covers         []listMap     `json:"covers" doc:"External ids of other records that it pays whole, too."`
	Transfers      []transferMap `json:"transfers" doc:"Parts that go to different accounts. Without it, all goes to the record's account."`
}

type transferMap struct {
	selection
	IBAN        *Field `json:"iban" doc:"Bank account." as:"text" required:"true"`
	RevenueCode *Field `json:"revenue_code" doc:"Budget classification." as:"text"`
	Amount      *Field `json:"amount" doc:"The part." as:"amount" required:"true"`
}

type changeMap struct {
	selection
	After          *Field `json:"after" doc:"Last day of the present amount; it changes when that day ends." as:"day" required:"true"`
	Reason         *Field `json:"reason" doc:"discount_ends, late_step, reduced_fine_ends, due." as:"text" required:"true"`
	NewOutstanding *Field `json:"new_outstanding" doc:"What is owed from then on, when the creditor says so." as:"amount"`
}

var _ nodeReader = (*Field)(nil)
