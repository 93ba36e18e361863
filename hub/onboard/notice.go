package onboard

import (
	"context"
	"fmt"
	"log/slog"
	"net/mail"
	"slices"
	"strings"
	"time"

	"racord/hub"
)

// The kinds of notices.
const (
	noticeAddress = "address_changed"
	noticeAccount = "accounts_changed"
	noticeContact = "contact_changed"
)

// giveNotice tells the contacts of a version that leads elsewhere than what
// citizens see, once for each kind.
func (s *Service) giveNotice(r *hub.Registration, v *hub.Version) {
	if v.Submitted.IsZero() {
		return
	}
	c := changed(r.Shown(v.No), v)
	if len(c.addresses) > 0 {
		s.tell(r, v.No, noticeAddress, "will call "+shortList(c.addresses))
	}
	if len(c.accounts) > 0 {
		s.tell(r, v.No, noticeAccount, "will have money paid into "+shortList(c.accounts))
	}
}

// shortList names the first of a list.
func shortList(all []string) string {
	const most = 5
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// tell puts a notice to everybody who is to be told on record, once.
func (s *Service) tell(r *hub.Registration, version int, kind, detail string) {
	if version > 0 && slices.ContainsFunc(r.Notices, func(n hub.ContactNotice) bool { return n.Version == version && n.Kind == kind }) {
		return
	}
	for _, address := range s.told(r.Contacts) {
		r.Notices = append(r.Notices, hub.ContactNotice{At: s.Clock.Now(), Contact: address, Version: version, Kind: kind, Detail: detail})
		s.Log.Warn("a company is to be told", slog.String("creditor", string(r.Creditor)), slog.Int("version", version), slog.String("notice", kind))
	}
}

// cooled tells until when a version that leads elsewhere has to wait. A notice
// that was never given starts nothing.
func (s *Service) cooled(r *hub.Registration, v *hub.Version) (until time.Time, told bool) {
	c := changed(r.Shown(v.No), v)
	for kind, list := range map[string][]string{noticeAddress: c.addresses, noticeAccount: c.accounts} {
		if len(list) == 0 {
			continue
		}
		i := slices.IndexFunc(r.Notices, func(n hub.ContactNotice) bool { return n.Version == v.No && n.Kind == kind })
		if i < 0 {
			return time.Time{}, false
		}
		if end := r.Notices[i].At.Add(s.conf.Cooling); end.After(until) {
			until = end
		}
	}
	return until, true
}

// current gives the contacts that have not been replaced.
func current(all []hub.Contact) (list []string) {
	for _, c := range all {
		if c.Until.IsZero() {
			list = append(list, c.Address)
		}
	}
	return list
}

// told gives the contacts that are told: also those that were replaced lately.
// Whoever takes a connector over cannot first take away who would notice.
func (s *Service) told(all []hub.Contact) (list []string) {
	now := s.Clock.Now()
	for _, c := range all {
		if (c.Until.IsZero() || now.Before(c.Until.Add(s.conf.ContactsLinger))) && !slices.Contains(list, c.Address) {
			list = append(list, c.Address)
		}
	}
	return list
}

// mostContacts a company has at a time, and in all.
const (
	mostContacts    = 5
	mostContactsAll = 200
)

// SetContacts says who is told from now on. Those before are told of that, and
// for a while of all else.
func (s *Service) SetContacts(ctx context.Context, who hub.Caller, creditor hub.Name, addresses []string) (hub.Registration, error) {
	if err := reach(&who, creditor); err != nil {
		return hub.Registration{}, err
	}
	if err := checkContacts(addresses); err != nil {
		return hub.Registration{}, err
	}
	return s.Store.ChangeRegistration(ctx, creditor, func(r *hub.Registration) error {
		before := current(r.Contacts)
		if same(before, addresses) {
			return nil
		}
		if len(r.Contacts)+len(addresses) > mostContactsAll {
			return hub.Errorf(hub.CodeConflict, "The contacts were changed too often.")
		}
		if len(before) > 0 {
			s.tell(r, 0, noticeContact, "from now on "+shortList(addresses)+" will be told")
		}
		s.replaceContacts(r, addresses)
		return nil
	})
}

func checkContacts(addresses []string) error {
	if len(addresses) < 1 || len(addresses) > mostContacts {
		return invalid("/contacts", "must be from 1 to 5 mail addresses")
	}
	for i, address := range addresses {
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address || len(address) > 254 || slices.Contains(addresses[:i], address) {
			return invalid(fmt.Sprintf("/contacts/%d", i), "must be a plain mail address, once")
		}
	}
	return nil
}

func same(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func (s *Service) replaceContacts(r *hub.Registration, addresses []string) {
	now := s.Clock.Now()
	for i := range r.Contacts {
		if c := &r.Contacts[i]; c.Until.IsZero() && !slices.Contains(addresses, c.Address) {
			c.Until = now
		}
	}
	for _, address := range addresses {
		if !slices.Contains(current(r.Contacts), address) {
			r.Contacts = append(r.Contacts, hub.Contact{Address: address, Since: now})
		}
	}
}
