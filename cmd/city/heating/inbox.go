package heating

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/gate"
)

// What the inbox bears.
const (
	maxUploads = 10_000
	maxUpload  = 8 << 20 // bytes
)

// inbox holds what was put into /in.
type inbox struct {
	settling sync.Mutex // one morning at a time
	mu       sync.Mutex
	files    map[string]*upload
	order    []answerTo // files that were booked or refused, in order
}

// upload is one file in /in. Its content grows while it is written.
type upload struct {
	mu      sync.Mutex
	content []byte
	landed  time.Time // virtual time it got its name or was last written
}

// answerTo is what became of a file of payments.
type answerTo struct {
	name    string
	made    time.Time
	content []byte
	booked  bool
}

var (
	errName  = errors.New("heating: a file's name has letters, digits and _ . - only")
	errFull  = errors.New("heating: no room")
	validity = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}$`)
)

// create starts a file anew.
func (i *inbox) create(name string, now time.Time) (*upload, error) {
	if !validity.MatchString(name) {
		return nil, errName
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, there := i.files[name]; !there && len(i.files) >= maxUploads {
		return nil, errFull
	}
	u := &upload{landed: now}
	i.files[name] = u
	return u, nil
}

// rename moves a file, over another if need be.
func (i *inbox) rename(from, to string, now time.Time) error {
	if !validity.MatchString(to) {
		return errName
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	u, ok := i.files[from]
	if !ok {
		return os.ErrNotExist
	}
	delete(i.files, from)
	i.files[to] = u
	u.mu.Lock()
	defer u.mu.Unlock()
	u.landed = now
	return nil
}

// remove drops a file that was not finished.
func (i *inbox) remove(name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.files[name]; !ok {
		return os.ErrNotExist
	}
	if !strings.HasSuffix(name, ".part") {
		return os.ErrPermission
	}
	delete(i.files, name)
	return nil
}

func (i *inbox) file(name string) (file, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	u, ok := i.files[name]
	if !ok {
		return file{}, false
	}
	return u.file(name), true
}

func (i *inbox) list() []file {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []file
	for name, u := range i.files {
		all = append(all, u.file(name))
	}
	slices.SortFunc(all, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return all
}

func (u *upload) file(name string) file {
	content, landed := u.read()
	return file{name: name, made: landed, content: func() []byte { return content }}
}

func (u *upload) read() ([]byte, time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.content), u.landed
}

// WriteAt takes what a caller sends.
func (u *upload) WriteAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > maxUpload {
		return 0, errFull
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if end := int(at) + len(b); end > len(u.content) {
		u.content = append(u.content, make([]byte, end-len(u.content))...)
	}
	return copy(u.content[at:], b), nil
}

// sent is a file of payments with its marker.
type sent struct {
	name         string // without .csv
	body, marker []byte
	due          time.Time // when it is booked
}

// ready are the files to be booked by now, in order.
func (i *inbox) ready(now time.Time, more int) []sent {
	i.mu.Lock()
	defer i.mu.Unlock()
	var all []sent
	for name, u := range i.files {
		id, isSheet := strings.CutSuffix(name, ".csv")
		ok, marked := i.files[name+".ok"]
		if !isSheet || !marked || i.settled(id) {
			continue
		}
		body, landed := u.read()
		mark, marked1 := ok.read()
		if marked1.After(landed) {
			landed = marked1
		}
		if i.refusedSince(id, landed) {
			continue
		}
		if due := bookingTime(landed, more); !due.After(now) {
			all = append(all, sent{id, body, mark, due})
		}
	}
	slices.SortFunc(all, func(a, b sent) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

// settled reports whether a file was booked.
func (i *inbox) settled(id string) bool {
	return slices.ContainsFunc(i.order, func(a answerTo) bool { return a.name == id && a.booked })
}

// refusedSince reports whether what landed then was refused already.
func (i *inbox) refusedSince(id string, landed time.Time) bool {
	return slices.ContainsFunc(i.order, func(a answerTo) bool { return a.name == id && a.made.After(landed) })
}

// keep remembers an answer; it replaces an earlier refusal.
func (i *inbox) keep(a answerTo) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.order = slices.DeleteFunc(i.order, func(old answerTo) bool { return old.name == a.name })
	i.order = append(i.order, a)
}

// bookingTime is five o'clock of the working day after a file was complete,
// counting from the next day when that was after 20:00.
func bookingTime(complete time.Time, more int) time.Time {
	day := calendar.Of(complete)
	if !complete.Before(day.At(20, 0)) {
		day++
	}
	day = (day + 1).NextWorking()
	for range more {
		day = (day + 1).NextWorking()
	}
	return day.At(5, 0)
}

// Settle books the files whose time has come.
func (a *Archive) Settle() {
	a.inbox.settling.Lock()
	defer a.inbox.settling.Unlock()
	for _, s := range a.inbox.ready(a.clock.Now(), a.book.Manners(book.Heating).Days) {
		content, booked := a.bookFile(s)
		a.inbox.keep(answerTo{s.name, s.due, content, booked})
	}
}

// confirmations are the answers in /out, from half past five.
func (a *Archive) confirmations(now time.Time) []file {
	a.inbox.mu.Lock()
	defer a.inbox.mu.Unlock()
	var files []file
	for _, one := range a.inbox.order {
		made := one.made.Add(30 * time.Minute)
		if now.Before(made) || a.on(gate.Late) && calendar.Of(made) == calendar.Of(now) {
			continue
		}
		name := "confirmare_" + one.name + ".csv"
		files = append(files,
			file{name: name, made: made, content: func() []byte { return one.content }},
			file{name: name + ".ok", made: made, content: func() []byte { return marker(one.content) }})
	}
	return files
}
