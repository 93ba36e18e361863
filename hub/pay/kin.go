package pay

import (
	"context"
	"slices"

	"racord/hub"
)

// kin are the bills of a creditor that paying one bill pays, too, or a part of. What its
// creditor does not list as owed is none.
type kin struct {
	inner []hub.ObligationID // what stands inside it, or is paid with it
	outer []hub.ObligationID // what it stands inside
}

func (k kin) all() []hub.ObligationID { return slices.Concat(k.inner, k.outer) }

// paidWith is why something is refused that the basket pays already.
const paidWith = "This is part of another bill in this basket, and is paid with that."

// kinOf finds a bill's kin among all that a creditor listed.
func (f *finding) kinOf(id hub.ObligationID) kin {
	return kin{inner: f.owed(f.nested.Inside(id)), outer: f.owed(f.nested.Around().Inside(id))}
}

// owed gives those of some obligations that are listed as owed.
func (f *finding) owed(ids []hub.ObligationID) (list []hub.ObligationID) {
	for _, id := range ids {
		if f.obligations[id].Outstanding.Minor > 0 {
			list = append(list, id)
		}
	}
	return list
}

// refuseInner refuses what another line of the basket pays.
func refuseInner(lines []QuotedLine) {
	for i := range lines {
		inside := func(other QuotedLine) bool {
			return other.State == Confirmed && slices.Contains(other.kin.inner, lines[i].Line.Obligation)
		}
		if lines[i].State == Confirmed && slices.ContainsFunc(lines, inside) {
			lines[i].refuse(paidWith)
		}
	}
}

// refuse makes a confirmed line one that cannot be paid.
func (q *QuotedLine) refuse(reason string) {
	l := &q.Line
	bare := hub.Line{Creditor: l.Creditor, Obligation: l.Obligation, Option: l.Option, Amount: l.Amount}
	*q = QuotedLine{State: Refused, Code: hub.CodeNotPayable, Reason: reason, Line: bare}
}

// debts are the line's own and its kin's.
func (q *QuotedLine) debts() []hub.Debt {
	list := []hub.Debt{{Creditor: q.Line.Creditor, Obligation: q.Line.Obligation}}
	for _, id := range q.kin.all() {
		list = append(list, hub.Debt{Creditor: q.Line.Creditor, Obligation: id})
	}
	return list
}

// paidHere tells why a line of which something is among what was paid cannot be
// paid, or "".
func (q *QuotedLine) paidHere(paid []hub.Debt) string {
	for _, d := range q.debts() {
		switch {
		case !slices.Contains(paid, d):
		case slices.Contains(q.kin.inner, d.Obligation):
			return hub.PartPaidHere
		default:
			return hub.PaidHere
		}
	}
	return ""
}

// kinPaid refuses a line of whose kin something was paid since it was quoted.
func (s *Service) kinPaid(ctx context.Context, q *QuotedLine) error {
	others := q.debts()[1:]
	if len(others) == 0 {
		return nil
	}
	paid, err := s.Store.PaidOf(ctx, others)
	if why := q.paidHere(paid); why != "" {
		return hub.Errorf(hub.CodeNotPayable, "%s", why)
	}
	return err
}

// besides gives the kin of a basket's lines as lines to be claimed, each with the
// number of the line that it is kin of.
func besides(lines []hub.Line, kin map[int][]hub.ObligationID) (list []*hub.Line) {
	taken := map[hub.ObligationID]bool{}
	for i := range lines {
		for _, d := range lines[i].Debts() {
			taken[d.Obligation] = true
		}
	}
	for i := range lines {
		l := &lines[i]
		for _, id := range kin[l.No] {
			if !taken[id] {
				taken[id] = true
				list = append(list, &hub.Line{No: l.No, Creditor: l.Creditor, Obligation: id})
			}
		}
	}
	return list
}
