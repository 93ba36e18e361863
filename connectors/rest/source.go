package rest

import (
	"context"
	"sync"

	"racord/connectors"
	"racord/hub"
)

// source answers live questions.
type source struct {
	*client
	call prepared
}

// Obligations asks page after page until the creditor says it was the last.
func (s *source) Obligations(ctx context.Context, who hub.Asked) (hub.Answer, error) {
	return s.ask(ctx, who, func(connectors.Value) error { return nil })
}

// questions are variables that are used again.
var questions = sync.Pool{New: func() any { return new(connectors.Vars) }}

// ask calls each with every page after it was read.
func (s *source) ask(ctx context.Context, who hub.Asked, each func(root connectors.Value) error) (answer hub.Answer, err error) {
	vars := questions.Get().(*connectors.Vars)
	s.begin(vars, who)
	r := s.manifest.Reading(s.call.Call, who, vars.Now)
	defer func() {
		*vars = connectors.Vars{}
		if questions.Put(vars); err != nil {
			r.Return() // nobody was given anything of it
		}
	}()
	for {
		more, err := s.page(ctx, vars, r, each)
		if vars.Page > 1 && hub.CodeOf(err) == hub.CodeNotFound {
			more, err = false, s.call.Paging.past(vars.Page)
		}
		if err != nil {
			return hub.Answer{}, err
		}
		if !more {
			return r.Lend(), nil
		}
		if vars.Page++; vars.Page > s.call.Paging.MaxPages {
			return hub.Answer{}, connectors.BadData("more than %d pages", s.call.Paging.MaxPages)
		}
	}
}

// page asks for one page and tells whether there is another.
func (s *source) page(ctx context.Context, vars *connectors.Vars, r *connectors.Reading, each func(connectors.Value) error) (more bool, err error) {
	reply, err := s.send(ctx, &s.call, vars)
	if err != nil {
		return false, err
	}
	defer reply.Release()
	answer, err := s.decode(ctx, reply, r)
	if err != nil {
		return false, err
	}
	defer answer.Release()
	more, err = s.read(answer.Root(), vars, r)
	if err == nil {
		err = each(answer.Root())
	}
	return more, err
}

// read reads a page and tells whether there is another.
func (s *source) read(root connectors.Value, vars *connectors.Vars, r *connectors.Reading) (more bool, err error) {
	paging, before := s.call.Paging, r.Count()
	if paging != nil && paging.Blind && vars.Page > 1 {
		fresh, repeats, err := r.PageAgain(root)
		if err == nil && repeats && fresh > 0 {
			err = connectors.BadData("page %d repeats some earlier records: the list changed while it was read", vars.Page)
		}
		return fresh > 0 && paging.full(r.Count()-before), err
	}
	fresh, err := r.Page(root)
	switch records := r.Count() - before; {
	case err != nil || paging == nil:
		return false, err
	case paging.Blind:
		return paging.full(records), nil
	case vars.Page > 1 && records > 0 && fresh == 0:
		return false, connectors.BadData("page %d repeats earlier records: paging does not end", vars.Page)
	}
	return paging.next(root, vars)
}

// past judges a further page that says "not found": page 1 knew the subject, so it
// speaks of the page. Where no page says what follows it is the one behind the
// last; where the page before promised it the answer is broken.
func (p *Paging) past(page int) error {
	if p.Blind {
		return nil
	}
	return connectors.BadData("page %d is not found, and the one before said that there is one", page)
}

// full tells whether a page holds as many records as pages do: where no page says
// what follows, an empty or a short one is the last.
func (p *Paging) full(records int) bool { return records > 0 && records >= p.Size }

// next finds out whether there is another page, and where.
func (p *Paging) next(root connectors.Value, vars *connectors.Vars) (more bool, err error) {
	switch {
	case !p.Cursor.IsZero():
		cursor := p.Cursor.Text(root)
		if cursor != "" && cursor == vars.Cursor {
			return false, connectors.BadData("the cursor does not move: paging does not end")
		}
		vars.Cursor = cursor
		return cursor != "", nil
	case !p.Pages.IsZero():
		pages, err := connectors.Bani(p.Pages.Text(root))
		if err != nil || pages < 0 {
			return false, connectors.BadData("%s is not a number of pages", p.Pages)
		}
		return int64(vars.Page) < pages, nil
	default:
		switch p.More.Text(root) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		default:
			return false, connectors.BadData("%s is neither true nor false", p.More)
		}
	}
}
