package filedrop

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// candidate is a file in which a posting may stand, and the name of the file of
// postings that it is, or is about.
type candidate struct {
	name, sent, day string
	marked          time.Time // when its marker was put beside it
}

// candidates gives the files that have a marker and in which something sought may
// stand: those that the postings were put into, or, when that is not known of each,
// the one named after them first, then those of their last day and the days before.
// Of more than a look-up bears, those of days too long ago are left out.
func (c *confirmations) candidates(there []entry, s *sought, about func(string) (string, bool)) (all []candidate) {
	changed := make(map[string]time.Time, len(there))
	for _, e := range there {
		changed[e.name] = e.changed
	}
	for _, e := range there {
		sent, ours := about(e.name)
		marked, whole := changed[e.name+c.settings.Marker]
		if day := c.dayOf(sent); ours && whole && (s.files[sent] || s.files == nil && day <= s.until) {
			all = append(all, candidate{e.name, sent, day, marked})
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		if own := strings.Contains(a.sent, s.name); own != strings.Contains(b.sent, s.name) {
			return map[bool]int{true: -1, false: 1}[own]
		}
		return cmp.Or(strings.Compare(b.day, a.day), strings.Compare(b.name, a.name))
	})
	if len(all) > maxSheets && c.dated != nil && all[maxSheets].day < s.since {
		return all[:maxSheets]
	}
	return all
}

// datesOf makes of the name of files of postings what finds the day in one.
func datesOf(file string) *regexp.Regexp {
	if !strings.Contains(file, wordDate) {
		return nil
	}
	pattern := strings.NewReplacer(
		regexp.QuoteMeta(wordDate), `(\d{8})`, regexp.QuoteMeta(wordID), `.+`,
	).Replace(regexp.QuoteMeta(file))
	return regexp.MustCompile(`^` + pattern + `$`)
}

// dayOf is the day in the name of a file of postings, "" where there is none.
func (c *confirmations) dayOf(sent string) string {
	if c.dated == nil {
		return ""
	}
	if found := c.dated.FindStringSubmatch(sent); found != nil {
		return found[1]
	}
	return ""
}

// span gives when the first and the last of some postings were paid.
func span(postings []hub.Posting) (first, last time.Time) {
	for i := range postings {
		at := postings[i].PaidAt
		if i == 0 || at.Before(first) {
			first = at
		}
		if i == 0 || at.After(last) {
			last = at
		}
	}
	return first, last
}

// dayWord is a day as it stands in a file's name.
func dayWord(day hub.Date) string { return strings.ReplaceAll(string(day), "-", "") }
