package euplatesc_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"racord/adapters/euplatesc"
	"racord/hub"
)

// order is the documented order of the signed fields.
var order = []string{"amount", "curr", "invoice_id", "ep_id", "merch_id", "action", "message", "approval", "timestamp", "nonce"}

// signAs signs a form as the owner of a key would.
func signAs(key string, form url.Values, names ...string) url.Values {
	form = maps.Clone(form)
	values := []string{}
	for _, name := range names {
		values = append(values, form.Get(name))
	}
	form.Set("fp_hash", euplatesc.Hash(key, values...))
	return form
}

func with(form url.Values, name string, values ...string) url.Values {
	form = maps.Clone(form)
	if form[name] = values; values == nil {
		delete(form, name)
	}
	return form
}

func readForm(t *testing.T, p hub.PSP, form url.Values) (hub.Fact, error) {
	t.Helper()
	return p.Notifier.Read(t.Context(), http.Header{}, []byte(form.Encode()))
}

func TestForgedNotificationsAreRefused(t *testing.T) {
	p, fine := testAccount(t, nil), answered()
	swapped := slices.Clone(order)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	for name, form := range map[string]url.Values{
		"nothing":                      {},
		"no hash":                      with(fine, "fp_hash"),
		"an empty hash":                with(fine, "fp_hash", ""),
		"a hash in lower case":         with(fine, "fp_hash", strings.ToLower(fine.Get("fp_hash"))),
		"the hash twice":               with(fine, "fp_hash", fine.Get("fp_hash"), fine.Get("fp_hash")),
		"another amount":               with(fine, "amount", "99.00"),
		"another amount, second":       with(fine, "amount", "10.00", "99.00"),
		"another order":                with(fine, "invoice_id", "HUB-0002"),
		"a refusal made approval":      with(signAs(testKey, with(fine, "action", "2"), order...), "action", "0"),
		"no approval":                  with(fine, "approval"),
		"another merchant's key":       signAs("FFEEDDCCBBAA99887766554433221100", fine, order...),
		"no key":                       signAs("00", fine, order...),
		"another merchant":             signAs(testKey, with(fine, "merch_id", "44841000006"), order...),
		"another order of fields":      signAs(testKey, fine, swapped...),
		"fewer fields signed":          signAs(testKey, fine, order[:9]...),
		"a status of review put in":    with(fine, "sec_status", "8"),
		"a status of review, unsigned": {"cart_id": {"EP0001"}, "sec_status": {"8"}},
		"an amount that is none":       signAs(testKey, with(fine, "amount", "ten"), order...),
		"a moment that is none":        signAs(testKey, with(fine, "timestamp", "20260231101530"), order...),
		"a nonce that is none":         signAs(testKey, with(fine, "nonce", "xyz"), order...),
		"a currency that is none":      signAs(testKey, with(fine, "curr", "RON10"), order...),
		"an order that is none":        signAs(testKey, with(fine, "invoice_id", ""), order...),
		"a field that is too long":     signAs(testKey, with(fine, "message", strings.Repeat("a", 257)), order...),
	} {
		t.Run(name, func(t *testing.T) {
			if fact, err := readForm(t, p, form); hub.CodeOf(err) != hub.CodeUnauthenticated || fact.Order != "" {
				t.Errorf("got %+v, %v; want unauthenticated", fact, err)
			}
		})
	}
	for name, body := range map[string]string{
		"not a form":    "%zz=1;",
		"JSON":          `{"amount":"10.00"}`,
		"much too long": fine.Encode() + "&x=" + strings.Repeat("a", 64<<10),
	} {
		if _, err := p.Notifier.Read(t.Context(), http.Header{}, []byte(body)); hub.CodeOf(err) != hub.CodeUnauthenticated {
			t.Errorf("%s: got %v, want unauthenticated", name, err)
		}
	}
}

func TestWhatIsNotSignedHasNoEffect(t *testing.T) {
	p := testAccount(t, nil)
	plain, err := readForm(t, p, answered())
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]url.Values{
		"more fields":    with(answered(), "ExtraData[amount]", "99.00"),
		"two of a field": with(answered(), "original_amount", "1.00", "2.00"),
	} {
		fact, err := readForm(t, p, form)
		if err != nil || fact.Event != plain.Event || fact.Order != plain.Order || fact.Ref != plain.Ref {
			t.Errorf("%s: got %+v, %v; want what is read without it", name, fact, err)
		}
	}
	review, err := readForm(t, p, signAs(testKey, with(answered(), "sec_status", "3"), append(slices.Clone(order), "sec_status")...))
	if err != nil || review.Event == plain.Event {
		t.Errorf("a signed status of review: got %+v, %v; want another event", review, err)
	}
	old, err := readForm(t, p, signAs(testKey, with(answered(), "timestamp", "20190101000000"), order...))
	if err != nil || old.Event == plain.Event {
		t.Errorf("an old notification: got %+v, %v; want that it is read, it may be the only word", old, err)
	}
}

// TestNoMutationIsAccepted sends 10,000 notifications that differ from a good
// one. One is read only if all that is signed is the same, and then it is the
// same event.
func TestNoMutationIsAccepted(t *testing.T) {
	p := testAccount(t, nil)
	fine := []byte(with(answered(), "ExtraData[note]", "unsigned and free").Encode())
	want, err := p.Notifier.Read(t.Context(), http.Header{}, fine)
	if err != nil {
		t.Fatal(err)
	}
	dice := rand.New(rand.NewPCG(3, 4))
	mutations := []func() []byte{
		func() []byte { return flip(dice, fine) },
		func() []byte { return flip(dice, flip(dice, fine)) },
		func() []byte { return slices.Insert(slices.Clone(fine), dice.IntN(len(fine)+1), byte(dice.IntN(256))) },
		func() []byte { i := dice.IntN(len(fine)); return slices.Delete(slices.Clone(fine), i, i+1) },
		func() []byte { return fine[:dice.IntN(len(fine))] },
		func() []byte { return shuffleValues(dice) },
		func() []byte { return moveBytes(dice) },
	}
	read := 0
	for i := range 10_000 {
		body := mutations[i%len(mutations)]()
		fact, err := p.Notifier.Read(t.Context(), http.Header{}, body)
		if err != nil {
			if hub.CodeOf(err) != hub.CodeUnauthenticated {
				t.Fatalf("%d: got %v\n%s", i, err, body)
			}
			continue
		}
		if read++; fact.Event != want.Event || fact.Order != want.Order || fact.Ref != want.Ref || !signedAlike(body, fine) {
			t.Fatalf("%d: got %+v\n%s", i, fact, body)
		}
	}
	if read == 0 || read > 3000 {
		t.Errorf("got %d read, want those whose unsigned part alone was altered", read)
	}
}

// signedAlike tells whether two forms have the same signed fields.
func signedAlike(a, b []byte) bool {
	one, _ := url.ParseQuery(string(a))
	other, _ := url.ParseQuery(string(b))
	return !slices.ContainsFunc(append(slices.Clone(order), "fp_hash", "sec_status"), func(name string) bool {
		return !slices.Equal(one[name], other[name])
	})
}

func flip(dice *rand.Rand, of []byte) []byte {
	out := slices.Clone(of)
	out[dice.IntN(len(out))] ^= 1 << dice.IntN(8)
	return out
}

// shuffleValues gives two fields each other's value.
func shuffleValues(dice *rand.Rand) []byte {
	form := answered()
	i, j := dice.IntN(len(order)), dice.IntN(len(order)-1)
	if j >= i {
		j++
	}
	form[order[i]], form[order[j]] = form[order[j]], form[order[i]]
	return []byte(form.Encode())
}

// moveBytes makes the end of one field the beginning of the next: as no mark
// stands between signed fields, this is how one might be read as another.
func moveBytes(dice *rand.Rand) []byte {
	form := answered()
	i := dice.IntN(len(order) - 1)
	from, to := form.Get(order[i]), form.Get(order[i+1])
	cut := dice.IntN(len(from))
	form.Set(order[i], from[:cut])
	form.Set(order[i+1], from[cut:]+to)
	return []byte(form.Encode())
}

func FuzzOnlySignedFieldsAreRead(f *testing.F) {
	f.Add([]byte(answered().Encode()))
	f.Add([]byte(with(answered(), "amount", "11.00").Encode()))
	f.Add([]byte("fp_hash=&amount=1"))
	f.Add([]byte(""))
	p := testAccount(f, nil)
	fine := []byte(answered().Encode())
	f.Fuzz(func(t *testing.T, body []byte) {
		_, err := p.Notifier.Read(t.Context(), http.Header{}, body)
		if err == nil && !signedAlike(body, fine) {
			t.Errorf("read %q, which was never signed", body)
		}
		if code := hub.CodeOf(err); err != nil && code != hub.CodeUnauthenticated {
			t.Errorf("got %v, want unauthenticated", err)
		}
	})
}
