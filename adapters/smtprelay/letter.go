package smtprelay

import (
	"fmt"
	"strings"
	"unicode"

	gomail "github.com/wneessen/go-mail"

	"racord/hub"
)

// write makes the mail of a letter. Its Message-ID is for ever the same for a
// notice: who gets it twice can tell.
func (r *Relay) write(l hub.Letter) (*gomail.Msg, error) {
	if !plain(l.Notice.Contact) {
		return nil, fmt.Errorf("a contact of %s is no plain mail address", l.Creditor)
	}
	m := gomail.NewMsg()
	if err := m.FromFormat("Racord", r.conf.From); err != nil {
		return nil, err
	}
	if err := m.To(l.Notice.Contact); err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(r.conf.From, "@")
	m.SetMessageIDWithValue(fmt.Sprintf("racord-notice-%s-%d@%s", l.Creditor, l.No, domain))
	m.SetDate()
	m.SetGenHeader(gomail.HeaderXAutoResponseSuppress, "All")
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answer by a machine
	words := wordsOf(l.Notice.Kind)
	m.Subject(fmt.Sprintf("Racord: %s (%s)", words.subject, l.Creditor))
	m.SetBodyString(gomail.TypeTextPlain, r.body(&l, words))
	return m, nil
}

// words are what a kind of notice is called, in Romanian and English.
type words struct{ subject, ro, en string }

func wordsOf(kind string) words {
	switch kind {
	case "address_changed":
		return words{"se schimbă adresa conectorului", "o altă adresă la care este întrebat sistemul dumneavoastră", "another address at which your system is called"}
	case "accounts_changed":
		return words{"se schimbă contul de încasare", "un alt cont în care se încasează banii", "another account into which money is paid"}
	case "contact_changed":
		return words{"se schimbă persoanele de contact", "alte persoane care sunt anunțate", "other contacts"}
	}
	return words{"se schimbă conectorul", "o schimbare a conectorului", "a change of the connector"}
}

const letterText = `Bună ziua,

cineva a cerut pentru conectorul „%[1]s”%[2]s %[3]s:

    %[4]s

Cererea este din %[5]s.%[6]s Dacă nu știți de ea, anunțați imediat primăria și
opriți conectorul (racord connector suspend).

--

Somebody has asked for %[7]s of the connector "%[1]s":

    %[4]s

If you do not know of this, tell the city at once and suspend the connector.
`

// body tells what was asked for, and until when it can be objected to.
func (r *Relay) body(l *hub.Letter, w words) string {
	version, until := "", ""
	if l.Notice.Version > 0 {
		version = fmt.Sprintf(", versiunea %d,", l.Notice.Version)
		until = fmt.Sprintf(" Nu are efect înainte de %s.", l.Notice.At.Add(r.conf.Cooling).In(hub.Bucharest).Format("2.01.2006 15:04"))
	}
	return fmt.Sprintf(letterText, l.Creditor, version, w.ro, oneLine(l.Notice.Detail),
		l.Notice.At.In(hub.Bucharest).Format("2.01.2006 15:04"), until, w.en)
}

// longestDetail is what is written of a detail.
const longestDetail = 1000

// oneLine keeps what others wrote from looking like words of ours.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) {
			return ' '
		}
		return c
	}, text)
	if runes := []rune(text); len(runes) > longestDetail {
		return string(runes[:longestDetail]) + "…"
	}
	return text
}
