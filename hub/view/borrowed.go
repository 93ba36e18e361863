package view

import "racord/hub"

// borrowed are the questions whose pages stand in memory that a cache lent.
type borrowed struct {
	loan      hub.Loan // nil = none
	questions []*question
}

// keep gives the memory back before the view has to wait: others stand in it too.
func (b *borrowed) keep() {
	if b.loan == nil {
		return
	}
	for _, q := range b.questions {
		if q.page != nil {
			q.page = q.page.Clone()
		}
	}
	b.loan.Return()
	b.loan = nil
}
