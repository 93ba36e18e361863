package einvoice

import (
	"context"

	"racord/connectors"
	"racord/connectors/rest"
	"racord/hub"
)

// balance asks what is owed now.
type balance struct {
	env      connectors.Env
	manifest *connectors.Manifest
	settings Settings
	asker    *rest.Asker
}

var _ hub.Source = (*balance)(nil)

// Obligations gives the unpaid bills and the latest one. A sum that differs from
// theirs is said in the answer's refusals. It fails as a rest connector does.
func (b *balance) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	var latest *hub.Obligation
	var said statement
	answer, err := b.asker.Ask(ctx, who, func(root connectors.Value) error {
		said, latest = b.statement(root), b.latest(who, root)
		return nil
	})
	if err != nil {
		return hub.Answer{}, err
	}
	if event := b.differs(said, answer); event != nil {
		answer.Refused = append(answer.Refused, *event)
	}
	if latest != nil {
		answer.Obligations = withLatest(answer.Obligations, *latest)
	}
	return answer, nil
}

// statement is the sum a supplier stated.
type statement struct {
	bani int64
	ok   bool
}

func (b *balance) statement(root connectors.Value) (s statement) {
	where := b.settings.Balance
	if where == nil {
		return s
	}
	bani, err := reader(where.Amount)(where.Path.Text(root))
	return statement{bani, err == nil}
}

func reader(name string) func(string) (int64, error) {
	switch name {
	case "money_ro":
		return connectors.MoneyRO
	case "bani":
		return connectors.Bani
	default:
		return connectors.MoneyDecimal
	}
}

// differs compares the sum stated with the bills. With refused bills it cannot
// be compared, and the page is partial already.
func (b *balance) differs(said statement, answer hub.Answer) *hub.QualityEvent {
	if b.settings.Balance == nil || len(answer.Refused) > 0 {
		return nil
	}
	path := b.settings.Balance.Path.String()
	if !said.ok {
		return refuse("bad_amount", path, "the balance cannot be read")
	}
	sum := int64(0)
	for i := range answer.Obligations {
		sum += answer.Obligations[i].Outstanding.Minor
	}
	if sum == said.bani {
		return nil
	}
	return refuse("balance_differs", path, "the unpaid bills add up to another sum than the balance")
}

// latest reads the latest bill, nil when the answer names none. What is owed
// does not depend on it, so a damaged one is no failure.
func (b *balance) latest(who hub.Asked, root connectors.Value) *hub.Obligation {
	call := b.manifest.Calls[callLatest]
	if call == nil {
		return nil
	}
	o, refused := b.manifest.Reading(call, who, b.env.Clock.Now()).Record(root)
	if refused != nil {
		return nil
	}
	return &o
}

// withLatest adds the latest bill, or takes its total for the unpaid one of the
// same number.
func withLatest(unpaid []hub.Obligation, latest hub.Obligation) []hub.Obligation {
	for i := range unpaid {
		o := &unpaid[i]
		if o.ExternalID != latest.ExternalID {
			continue
		}
		if o.Outstanding.Minor > 0 && latest.Total.Minor > o.Outstanding.Minor {
			o.Total = latest.Total
			o.Paid = hub.Bani(latest.Total.Minor - o.Outstanding.Minor)
			o.Status = hub.StatusPartiallyPaid
		}
		return unpaid
	}
	return append(unpaid, latest)
}
