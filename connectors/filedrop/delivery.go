package filedrop

import (
	"context"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"strings"

	"racord/hub"
)

// part is one file of a delivery.
type part struct {
	name string
	hash string // SHA-256 as its marker says, lower-case hex
}

// delivery is the files of one day, all complete.
type delivery struct {
	day      hub.Date
	parts    []part
	previous map[string]bool // hashes of the delivery before
}

// cursor is the day and the beginnings of the hashes of a delivery: a corrected
// file of the same day is new, yesterday's file under today's name is not.
func (d delivery) cursor() hub.Cursor {
	words := []string{string(d.day)}
	for _, p := range d.parts {
		words = append(words, short(p.hash))
	}
	return hub.Cursor(strings.Join(words, " "))
}

func short(hash string) string { return hash[:min(16, len(hash))] }

// dayOf gives the day of a cursor and the hashes it holds.
func dayOf(c hub.Cursor) (hub.Date, map[string]bool) {
	words := strings.Fields(string(c))
	if len(words) == 0 {
		return "", nil
	}
	hashes := map[string]bool{}
	for _, w := range words[1:] {
		hashes[w] = true
	}
	return hub.Date(words[0]), hashes
}

// shelf is what lies in the folder, by day and branch.
type shelf struct {
	days    map[hub.Date]map[string]string // branch → file
	markers map[string]bool
}

func (f *feed) shelve(all []entry) shelf {
	s := shelf{days: map[hub.Date]map[string]string{}, markers: map[string]bool{}}
	for _, e := range all {
		name := e.name
		if base, is := strings.CutSuffix(name, f.settings.Marker); is {
			s.markers[base] = true
			continue
		}
		if day, branch, ok := f.pattern.match(name); ok {
			if s.days[day] == nil {
				s.days[day] = map[string]string{}
			}
			s.days[day][branch] = name
		}
	}
	return s
}

// gap names the first file that a day's delivery lacks, or "".
func (f *feed) gap(s shelf, day hub.Date) string {
	for _, branch := range f.branches() {
		name := f.pattern.name(day, branch)
		switch {
		case s.days[day][branch] == "":
			return name
		case !s.markers[name]:
			return name + f.settings.Marker
		}
	}
	return ""
}

// stray names a file of the day whose branch the manifest does not list, or "".
func (f *feed) stray(s shelf, day hub.Date) string {
	for _, branch := range slices.Sorted(maps.Keys(s.days[day])) {
		if !slices.Contains(f.branches(), branch) {
			return s.days[day][branch]
		}
	}
	return ""
}

func (f *feed) branches() []string {
	if len(f.settings.Branches) == 0 {
		return []string{""}
	}
	return f.settings.Branches
}

// choose finds the newest complete delivery that is newer than the cursor. It
// fails with CodeNotFound when there is none and none is overdue, with
// CodeUnavailable when today's is overdue, and with CodeBadData when it holds
// what the manifest does not know.
func (f *feed) choose(ctx context.Context, p place, s shelf, since hub.Cursor) (delivery, error) {
	now := f.env.Clock.Now()
	today, last, had := hub.DateOf(now), hub.Date(""), map[string]bool(nil)
	last, had = dayOf(since)
	days := slices.Sorted(maps.Keys(s.days))
	for _, day := range slices.Backward(days) {
		if day > today || day < last || f.gap(s, day) != "" {
			continue
		}
		if name := f.stray(s, day); name != "" {
			return delivery{}, hub.Errorf(hub.CodeBadData, "%s is of a branch that the manifest does not list.", name)
		}
		d := delivery{day: day, previous: map[string]bool{}}
		var err error
		if d.parts, err = f.parts(ctx, p, day); err != nil {
			return delivery{}, err
		}
		if day == last && d.cursor() == since {
			break
		}
		if day > last {
			d.previous = had
		}
		return d, f.remember(ctx, p, s, &d)
	}
	return delivery{}, f.nothing(s, today, last)
}

// nothing tells whether that there is nothing newer is as it should be.
func (f *feed) nothing(s shelf, today, last hub.Date) error {
	due := f.traits.Delivery
	late := due.Grace > 0 && !f.env.Clock.Now().Before(at(today, due.At))
	if last >= today || !late {
		return hub.Errorf(hub.CodeNotFound, "There is no newer delivery.")
	}
	return hub.Errorf(hub.CodeUnavailable, "The delivery of %s is overdue: %s is missing.", today, f.gap(s, today))
}

// remember adds the hashes of the day before, as far as they still lie there.
func (f *feed) remember(ctx context.Context, p place, s shelf, d *delivery) error {
	all := map[string]bool{}
	maps.Copy(all, d.previous)
	d.previous = all
	before := hub.Date("")
	for day := range s.days {
		if day < d.day && day > before && f.gap(s, day) == "" {
			before = day
		}
	}
	if before == "" {
		return nil
	}
	parts, err := f.parts(ctx, p, before)
	for _, part := range parts {
		d.previous[short(part.hash)] = true
	}
	if hub.CodeOf(err) == hub.CodeBadData {
		return nil // an old marker that is damaged does not concern today's
	}
	return err
}

// parts reads the markers of a day.
func (f *feed) parts(ctx context.Context, p place, day hub.Date) (parts []part, err error) {
	for _, branch := range f.branches() {
		name := f.pattern.name(day, branch)
		hash, err := f.marker(ctx, p, name+f.settings.Marker)
		if err != nil {
			return parts, err
		}
		parts = append(parts, part{name, hash})
	}
	return parts, nil
}

// marker reads a SHA-256 in hex, alone or as sha256sum writes it.
func (f *feed) marker(ctx context.Context, p place, name string) (string, error) {
	file, _, err := p.open(ctx, name)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(io.LimitReader(file, 1<<10))
	_ = file.Close() // it was only read
	if err != nil {
		return "", err
	}
	words := strings.Fields(string(content))
	if len(words) == 0 {
		return "", hub.Errorf(hub.CodeBadData, "%s is empty.", name)
	}
	hash, err := hex.DecodeString(words[0])
	if err != nil || len(hash) != 32 {
		return "", hub.Errorf(hub.CodeBadData, "%s holds no SHA-256.", name)
	}
	return hex.EncodeToString(hash), nil
}
