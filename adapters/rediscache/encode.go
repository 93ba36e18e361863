package rediscache

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"racord/hub"
)

// format is the first byte of an encoded page. It changes with the layout:
//
//	format, creditor and state (a length byte and the text each), AsOf,
//	ValidUntil, FetchedAt, FreshUntil, ServeUntil (nanoseconds since 1970, 8 bytes
//	each), Due and Version (8 bytes each), the length of the obligations (4
//	bytes), the obligations, and the quality events up to the end.
const format = 1

// never stands for the zero time.
const never = math.MinInt64

// fixed is how many bytes of a page have one length.
const fixed = 5*8 + 8 + 8 + 4

// errFormat is returned for bytes that encode did not write.
var errFormat = errors.New("not a page of this format")

// encode writes a page.
func encode(p *hub.Page) ([]byte, error) {
	if !p.Creditor.Valid() || fetched([]byte(p.State)) == "" || uint64(len(p.Obligations)) > math.MaxUint32 {
		return nil, hub.Errorf(hub.CodeInternal, "a page that cannot be cached")
	}
	b := make([]byte, 0, 3+len(p.Creditor)+len(p.State)+fixed+len(p.Obligations)+len(p.Quality))
	b = append(b, format, byte(len(p.Creditor)))
	b = append(b, p.Creditor...)
	b = append(b, byte(len(p.State)))
	b = append(b, p.State...)
	for _, moment := range []time.Time{p.AsOf, p.ValidUntil, p.FetchedAt, p.FreshUntil, p.ServeUntil} {
		b = binary.BigEndian.AppendUint64(b, uint64(nanos(moment)))
	}
	b = binary.BigEndian.AppendUint64(b, uint64(p.Due))
	b = binary.BigEndian.AppendUint64(b, p.Version)
	b = binary.BigEndian.AppendUint32(b, uint32(len(p.Obligations)))
	b = append(b, p.Obligations...)
	return append(b, p.Quality...), nil
}

// decode reads what encode wrote, and nothing else. The page keeps the bytes.
func decode(b []byte, p *hub.Page) error {
	r := reader{rest: b}
	if version := r.take(1); len(version) == 0 || version[0] != format {
		return errFormat
	}
	p.Creditor, p.State = hub.Name(r.word()), fetched(r.word())
	for _, moment := range [...]*time.Time{&p.AsOf, &p.ValidUntil, &p.FetchedAt, &p.FreshUntil, &p.ServeUntil} {
		*moment = moment64(int64(r.uint64()))
	}
	p.Due, p.Version = int64(r.uint64()), r.uint64()
	p.Obligations = r.take(uint64(r.uint32()))
	p.Quality = r.take(uint64(len(r.rest)))
	if r.short || p.State == "" || !p.Creditor.Valid() {
		return errFormat
	}
	return nil
}

// fetched gives the state of that name if a page is fetched in it, or "": the
// other states are made when a page is shown.
func fetched(name []byte) hub.PageState {
	for _, s := range [...]hub.PageState{hub.PageFresh, hub.PagePartial, hub.PageProvisional, hub.PageNotKnownHere} {
		if string(name) == string(s) {
			return s
		}
	}
	return ""
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixNano()
}

func moment64(nanos int64) time.Time {
	if nanos == never {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// reader takes bytes from the front and remembers when there were too few.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.rest)) {
		r.short, r.rest = true, nil
		return nil
	}
	if n == 0 {
		return nil
	}
	taken := r.rest[:n:n]
	r.rest = r.rest[n:]
	return taken
}

// word takes a length byte and so much text.
func (r *reader) word() []byte {
	length := r.take(1)
	if len(length) == 0 {
		return nil
	}
	return r.take(uint64(length[0]))
}

func (r *reader) uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}
