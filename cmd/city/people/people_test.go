package people_test

import (
	"testing"
	"time"

	"racord/cmd/city/calendar"
	"racord/cmd/city/people"
)

func TestCodesAreRight(t *testing.T) {
	for body, want := range map[string]byte{
		"185041512000": '7', "292022912000": '1', "504022912000": '4', "776010140000": '1', "185010112000": '1',
	} {
		if got := people.CNPCheck(body); got != want {
			t.Errorf("CNPCheck(%s): got %c, want %c", body, got, want)
		}
	}
	for body, want := range map[int]string{430585: "4305857", 1234567: "12345674", 100005: "1000050", 2134960: "21349608"} {
		if got := people.CUI(body); got != want {
			t.Errorf("CUI(%d): got %s, want %s", body, got, want)
		}
	}
}

func TestEverybodyHasOneCodeOfTheirOwn(t *testing.T) {
	for name, size := range map[string]int{"S": 2_000, "M": 40_000, "L": 400_000} {
		t.Run(name, func(t *testing.T) {
			everybody, seen := people.New(7, size), map[string]bool{}
			if everybody.Len() != size {
				t.Fatalf("got %d people, want %d", everybody.Len(), size)
			}
			for i := range size {
				p := everybody.Person(i)
				if seen[p.Code()] {
					t.Fatalf("person %d: got a code somebody has, want a new one", i)
				}
				seen[p.Code()] = true
				if found, ok := everybody.ByCode(p.Code()); !ok || found != i {
					t.Fatalf("person %d: got %d, %v by code, want the same person", i, found, ok)
				}
				checkCode(t, p)
			}
		})
	}
}

func checkCode(t *testing.T, p people.Person) {
	t.Helper()
	if p.Kind == people.Company {
		if len(p.CUI) != 10 || p.CNP != "" {
			t.Fatalf("company %s: got CUI of %d digits, want 10 and no CNP", p.ID, len(p.CUI))
		}
		return
	}
	if len(p.CNP) != 13 || p.CNP[9:12] != "000" || people.CNPCheck(p.CNP[:12]) != p.CNP[12] {
		t.Fatalf("person %s: got a CNP that is not a test code", p.ID)
	}
	month, day := (p.CNP[3]-'0')*10+p.CNP[4]-'0', (p.CNP[5]-'0')*10+p.CNP[6]-'0'
	if month < 1 || month > 12 || day < 1 || day > 31 {
		t.Fatalf("person %s: got month %d day %d, want a date", p.ID, month, day)
	}
}

func TestPopulationHasTheMixOfTheCity(t *testing.T) {
	everybody := people.New(1, 40_000)
	firms, hungarian := 0, 0
	for i := range everybody.Len() {
		p := everybody.Person(i)
		if p.Kind == people.Company {
			firms++
		}
		if p.Family == "Lőrincz" || p.Family == "Kovács" || p.Family == "Nagy" {
			hungarian++
		}
	}
	flats, two, more := 0, 0, 0
	for h := range everybody.Houses() {
		house := everybody.House(h)
		if !house.Flat {
			continue
		}
		flats++
		switch len(house.Owners) {
		case 1:
		case 2:
			two++
		default:
			more++
		}
	}
	for what, tc := range map[string]struct{ got, of, low, high int }{
		"companies, per thousand":            {firms, 40_000, 70, 90},
		"three Hungarian names":              {hungarian, 40_000, 22, 42},
		"flats of two owners, per thousand":  {two, flats, 400, 500},
		"flats of more owners, per thousand": {more, flats, 40, 80},
	} {
		if got := tc.got * 1000 / tc.of; got < tc.low || got > tc.high {
			t.Errorf("%s: got %d, want %d to %d", what, got, tc.low, tc.high)
		}
	}
}

func TestSameSeedSamePeople(t *testing.T) {
	one, same, other := people.New(5, 500), people.New(5, 500), people.New(6, 500)
	differ := 0
	for i := range one.Len() {
		if one.Person(i) != same.Person(i) {
			t.Fatalf("person %d: got %+v, want %+v", i, same.Person(i).ID, one.Person(i).ID)
		}
		if one.Person(i).Code() != other.Person(i).Code() {
			differ++
		}
	}
	if differ < 400 {
		t.Errorf("another seed: got %d other codes, want most of 500", differ)
	}
}

func TestDemoPeople(t *testing.T) {
	everybody := people.New(1, 2_000)
	for login, cnp := range map[string]string{"ana": "2920229120001", "ion": "1850415120007", "istvan": "1850101120001"} {
		p, ok := everybody.ByID(login)
		if !ok || p.CNP != cnp || !p.Named() {
			t.Errorf("%s: got found=%v, want the person with the test CNP", login, ok)
		}
	}
	for _, id := range []string{"", "p", "p000000", "p002001", "x000001", "p1"} {
		if _, ok := everybody.ByID(id); ok {
			t.Errorf("%q: got a person, want nobody", id)
		}
	}
}

func TestBirthDatesAreAdults(t *testing.T) {
	last := calendar.Date(1936, time.January, 1) + 26_000
	if last.Year() > 2007 {
		t.Errorf("got a birth year %d, want adults only", last.Year())
	}
}
