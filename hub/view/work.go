package view

import (
	"slices"
	"sync"

	"racord/hub"
)

// work is the memory that a view is made in and stands in. It is used again when the
// view is released.
type work struct {
	view      View
	pages     []Page
	sheets    []sheet
	questions []question
	answers   []*hub.Page // room for the sheets' answers, one a question
	keys      []hub.PageKey
	found     []*hub.Page // under the keys
	missing   []*question // in L1
	loan      hub.Loan    // of what their pages stand in; nil = none
}

var works = sync.Pool{New: func() any { return new(work) }}

// begin gives a view its own copy of the agenda's questions.
func (a *agenda) begin() *work {
	w := works.Get().(*work)
	w.questions = append(w.questions[:0], a.questions...)
	w.answers = slices.Grow(w.answers[:0], len(a.questions))[:len(a.questions)]
	w.sheets = slices.Grow(w.sheets[:0], len(a.serving))
	first := 0
	for i, end := range a.ends {
		w.sheets = append(w.sheets, sheet{
			connector: a.serving[i], paid: a.paid[i],
			questions: w.questions[first:end:end], room: w.answers[first:first:end],
		})
		first = end
	}
	return w
}

// blank gives the view that is to be filled in.
func (w *work) blank() *View {
	w.pages = slices.Grow(w.pages[:0], len(w.sheets))[:len(w.sheets)]
	w.view = View{Pages: w.pages, Complete: true, work: w}
	return &w.view
}

// lookUp gives room for the keys of so many pages, and for the pages.
func (w *work) lookUp(most int) (keys []hub.PageKey, pages []*hub.Page) {
	w.keys, w.found = slices.Grow(w.keys[:0], most), slices.Grow(w.found[:0], most)
	return w.keys[:0], w.found[:most]
}

// keep gives back what was borrowed before the view has to wait: others' pages stand
// there too.
func (w *work) keep() {
	if w.loan == nil {
		return
	}
	for _, q := range w.missing {
		if q.page != nil {
			q.page = q.page.Clone()
		}
	}
	w.giveBack()
}

func (w *work) giveBack() {
	if w.loan != nil {
		w.loan.Return()
		w.loan = nil
	}
}

// mostKept is how many questions the memory of one view is used again for; that of a
// rare giant is not.
const mostKept = 256

// Release lets the memory of the view be used for others, which no caller need do.
// Nothing of the view may be read after, and it must not be released again.
func (v *View) Release() {
	w := v.work
	if w == nil {
		return
	}
	w.giveBack()
	if cap(w.questions) > mostKept {
		return
	}
	w.view = View{}
	clear(w.pages)
	clear(w.sheets)
	clear(w.questions)
	clear(w.answers)
	clear(w.found[:cap(w.found)])
	clear(w.missing)
	works.Put(w)
}
