// Package heating is the district heating company: every night at 05:30 it
// leaves one CSV file per branch on its SFTP server, in windows-1250 with a
// control line, and beside it a marker with the file's SHA-256. Nobody can ask
// it anything; payments are files put into /in.
//
// A file of payments is /in/NAME.csv, NAME being the file's id: letters, digits,
// _ . and -. It is uploaded under another name ending in .part and renamed, then
// its marker NAME.csv.ok (SHA-256 of the file in hex, a newline may follow) in
// the same way. Lines end with CRLF, amounts are written 1.284,77 and times are
// Bucharest's:
//
//	ID_LINIE;COD_CLIENT;NR_FACT;SUMA;DATA_PLATII;REFERINTA
//	1;0090412;TF 0740000000;1.284,77;15.03.2026 10:00:00;hub:…
//	#TOTAL;1;1.284,77
//
// What is complete by 20:00 is booked at 05:00 of the next working day (later
// with book.Manners Days), what comes after counts for the day after. The answer
// is /out/confirmare_NAME.csv at 05:30, with its marker:
//
//	ID_LINIE;COD_CLIENT;NR_FACT;SUMA;STARE;NR_CHITANTA;MOTIV;REFERINTA
//	1;0090412;TF 0740000000;1.284,77;A;TI00000001;;hub:…
//	2;0090412;TF 0740000010;10,00;R;;DEJA ACHITAT;hub:…
//	#TOTAL;2;1.284,77
//
// STARE is A (booked) or R (refused, nothing was booked); the control line has
// the number of lines and the sum booked. MOTIV is CLIENT NECUNOSCUT, FACTURA
// NECUNOSCUTA, FACTURA ANULATA, DEJA ACHITAT, SUMA DEPASESTE SOLDUL or LINIE
// DUBLA. Of a file that cannot be read nothing is booked, and its answer is the
// header and #EROARE;MARCAJ GRESIT, #EROARE;LINIA n or #EROARE;TOTAL GRESIT; it
// may be sent again under its name.
//
// A file that was booked is booked once: the same name uploaded again, with
// whatever content, changes nothing. A line that comes again in another file is
// another payment. The morning's debts show what was booked.
//
// Callers may write, rename and list in /in and read there what they wrote;
// everything else is read-only.
package heating

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Branches is how many files a night brings.
const Branches = 3

// kept is how many nights before the last one stay on the server.
const kept = 3

// Archive makes the company's files from the book when they are asked for.
type Archive struct {
	book  *book.Book
	clock *clock.Clock
	gate  *gate.Gate
	mu    sync.Mutex
	made  map[night][]byte
	inbox inbox
}

// night is what a file's plain content depends on.
type night struct {
	day     calendar.Day
	branch  int
	entries int64
	style   style
}

// NewArchive returns the files of a city; the faults of g change them.
func NewArchive(b *book.Book, c *clock.Clock, g *gate.Gate) *Archive {
	return &Archive{book: b, clock: c, gate: g, made: map[night][]byte{}, inbox: inbox{files: map[string]*upload{}}}
}

// file is one file on the server.
type file struct {
	name    string
	made    time.Time
	content func() []byte
	endless bool // followed by blanks without end
}

// files lists what is in /out now.
func (a *Archive) files() []file {
	a.Settle()
	now := a.clock.Now()
	last := calendar.Of(now)
	if now.Before(last.At(5, 30)) {
		last--
	}
	var files []file
	for day := last - kept; day <= last; day++ {
		if day == last && !now.Before(calendar.Of(now).At(5, 30)) {
			files = append(files, a.tonight(day)...)
			continue
		}
		for branch := 1; branch <= Branches; branch++ {
			files = append(files, a.pair(day, branch, a.plain(day, branch))...)
		}
	}
	return append(files, a.confirmations(now)...)
}

// plain is the right content.
func (a *Archive) plain(day calendar.Day, branch int) func() []byte {
	return func() []byte { return a.sheet(day, branch, style{}) }
}

// pair is a file and its marker.
func (a *Archive) pair(day calendar.Day, branch int, content func() []byte) []file {
	name, made := fileName(day, branch), day.At(5, 30)
	return []file{
		{name: name, made: made, content: content},
		{name: name + ".ok", made: made, content: func() []byte { return marker(content()) }},
	}
}

func fileName(day calendar.Day, branch int) string {
	return fmt.Sprintf("termo_%s_%02d.csv", day.Compact(), branch)
}

func marker(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append([]byte(hex.EncodeToString(sum[:])), '\n')
}

// tonight are today's files with the faults that are switched on.
func (a *Archive) tonight(day calendar.Day) []file {
	if a.on(gate.Late) {
		return nil
	}
	shown := day
	if a.on(gate.Yesterday) {
		shown = day - 1
	}
	var files []file
	for branch := 1; branch <= Branches; branch++ {
		if branch == 2 && a.on(gate.Missing) {
			continue
		}
		look := a.style(branch)
		pair := a.pair(day, branch, func() []byte { return a.sheet(shown, branch, look) })
		files = append(files, a.spoil(pair, branch)...)
	}
	if a.on(gate.Twice) {
		files = append(files, a.pair(day, Branches+1, a.plain(day, 1))...)
	}
	return files
}

// spoil damages the first branch's file or its marker.
func (a *Archive) spoil(pair []file, branch int) []file {
	if branch != 1 {
		return pair
	}
	whole := pair[0].content
	if a.on(gate.Truncated) {
		pair[0].content = func() []byte { return whole()[:len(whole())*2/3] }
	}
	if a.on(gate.BadMarker) {
		pair[1].content = func() []byte { return marker([]byte("another file")) }
	}
	pair[0].endless = a.on(gate.Huge)
	if a.on(gate.NoMarker) {
		pair = pair[:1]
	}
	return pair
}

func (a *Archive) on(kind gate.Kind) bool {
	_, on := a.gate.On(kind)
	return on
}

// style is how a sheet is written; the zero value is the right way.
type style struct {
	page       string // "" for windows-1250, else cp852 or utf-8
	wrongTotal bool
	shifted    bool // rows carry the next customer's code
	broken     bool // rows lose columns
	login      bool // not a sheet at all
}

func (a *Archive) style(branch int) style {
	s := style{shifted: a.on(gate.WrongCitizen), broken: a.on(gate.Malformed), login: a.on(gate.LoginPage)}
	s.wrongTotal = branch == 1 && a.on(gate.WrongTotal)
	switch {
	case branch == Branches && a.on(gate.CP852):
		s.page = "cp852"
	case a.on(gate.WrongCoding):
		s.page = "utf-8"
	}
	return s
}

// sheet returns a file's content, made at most once while it is remembered.
func (a *Archive) sheet(day calendar.Day, branch int, s style) []byte {
	key := night{day, branch, a.book.EntriesBefore(book.Heating, day.At(5, 30)), s}
	a.mu.Lock()
	defer a.mu.Unlock()
	if content, ok := a.made[key]; ok {
		return content
	}
	if len(a.made) >= 4*Branches*(kept+1) {
		clear(a.made)
	}
	content := write(a.rows(day, branch), s)
	a.made[key] = content
	return content
}

// rows are the bills of a branch as of a night, ordered by customer.
func (a *Archive) rows(day calendar.Day, branch int) []row {
	var rows []row
	asOf := a.book.Before(day.At(5, 30))
	for house := range a.book.People().Houses() {
		client, ok := a.book.Client(book.Heating, house)
		if !ok || client.Branch != branch {
			continue
		}
		for _, inv := range book.Listed(asOf.Invoices(book.Heating, house, day)) {
			rows = append(rows, row{client, inv})
		}
	}
	return rows
}

// find returns the file at a path such as /out/termo_20260315_01.csv.
func (a *Archive) find(path string) (file, bool) {
	if name, ok := strings.CutPrefix(path, "/in/"); ok {
		return a.inbox.file(name)
	}
	name, ok := strings.CutPrefix(path, "/out/")
	files := a.files()
	i := slices.IndexFunc(files, func(f file) bool { return f.name == name })
	if !ok || i < 0 {
		return file{}, false
	}
	return files[i], true
}
