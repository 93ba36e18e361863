// Package parking is the company that lets parking places: gRPC by the contract
// in parking.proto, served over HTTP/2 without TLS. Amounts are
// google.type.Money, days google.type.Date, lists are streamed.
//
// It misbehaves in its own way: gate.StreamCut ends a stream after its first
// message with UNAVAILABLE, gate.NewValue tells of dues in a state that the
// contract does not know, and with gate.PlateLetters whoever typed the plates
// wrote letters O for zeros.
package parking

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	"racord/cmd/city/book"
	"racord/cmd/city/calendar"
	"racord/cmd/city/clock"
	"racord/cmd/city/gate"
)

// Path is where the service is found.
const Path = "/napoca.parking.v1.Parking/"

// Service answers for the company.
type Service struct {
	*grpc.Server
	book  *book.Book
	clock *clock.Clock
	door  *gate.Gate
	key   string
}

// New opens the service; callers must send key in the metadata x-api-key. It is
// an http.Handler for HTTP/2.
func New(b *book.Book, c *clock.Clock, door *gate.Gate, key string) *Service {
	s := &Service{book: b, clock: c, door: door, key: key}
	s.Server = grpc.NewServer(grpc.StreamInterceptor(s.guard))
	contract := describe()
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: string(contract.FullName()), HandlerType: (*any)(nil), Metadata: "parking.proto",
		Streams: []grpc.StreamDesc{
			method(contract, "ListDues", s.listDues), method(contract, "Pay", s.pay), method(contract, "FindPayments", s.find),
			method(contract, "CancelPayment", s.cancel), method(contract, "ListPayments", s.statement),
			method(contract, "RightsFor", s.rights), method(contract, "Health", s.health),
		},
	}, s)
	return s
}

// Posts tells the calls that change the books.
func Posts(r *http.Request, _ []byte) bool {
	return strings.HasSuffix(r.URL.Path, "/Pay") || strings.HasSuffix(r.URL.Path, "/CancelPayment")
}

// guard lets only callers with the key through.
func (s *Service) guard(service any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	for _, key := range metadata.ValueFromIncomingContext(stream.Context(), "x-api-key") {
		if subtle.ConstantTimeCompare([]byte(key), []byte(s.key)) == 1 {
			return next(service, stream)
		}
	}
	return refuse(codes.Unauthenticated, "BAD_KEY", 0).Err()
}

func (s *Service) health(context.Context, healthQuestion) ([]health, error) {
	return []health{{Serving: true}}, nil
}

func (s *Service) listDues(ctx context.Context, q duesQuestion) ([]due, error) {
	person, ok := s.book.People().ByCode(q.Holder)
	if !ok {
		return nil, refuse(codes.NotFound, "HOLDER_UNKNOWN", 0).Err()
	}
	now := s.clock.Now()
	shown, on := s.book.Shown(book.Parking, now), calendar.Of(now)
	if gate.Mistaken(ctx) {
		person = s.neighbour(person, on)
	}
	dues, known := shown.Dues(person, on)
	if !known {
		return nil, refuse(codes.NotFound, "HOLDER_UNKNOWN", 0).Err()
	}
	told := make([]due, len(dues))
	for i, d := range dues {
		told[i] = tellDue(d, s.book.People().Person(person).Code())
	}
	return s.spoil(told)
}

// neighbour is the next person with something to show.
func (s *Service) neighbour(person int, on calendar.Day) int {
	n := s.book.People().Len()
	for step := 1; step < n; step++ {
		if dues, _ := s.book.Dues((person+step)%n, on); len(dues) > 0 {
			return (person + step) % n
		}
	}
	return person
}

// newState is a state that the contract does not have.
const newState = 4

// spoil misbehaves on request.
func (s *Service) spoil(told []due) ([]due, error) {
	for i := range told {
		if _, on := s.door.On(gate.NewValue); on && i == 0 {
			told[i].State = newState
		}
		if _, on := s.door.On(gate.PlateLetters); on {
			told[i].Plate = strings.ReplaceAll(told[i].Plate, "0", "O")
		}
	}
	if _, on := s.door.On(gate.StreamCut); on {
		return told[:min(1, len(told))], refuse(codes.Unavailable, "STORAGE_LOST", 0).Err()
	}
	return told, nil
}

// maxKey is how long a caller's key may be.
const maxKey = 64

// pay books a payment once under its key.
func (s *Service) pay(_ context.Context, q payQuestion) ([]receipt, error) {
	now := s.clock.Now()
	amount, whole := q.Amount.bani()
	if q.Key == "" || len(q.Key) > maxKey || q.Due == "" || !whole || amount <= 0 || q.PaidAt.IsZero() || q.PaidAt.After(now.Add(24*time.Hour)) {
		return nil, badRequest()
	}
	booked, _, err := s.book.Enter(book.Parking, book.Payment{
		Reference: q.Key, Once: !s.book.Manners(book.Parking).Doubles, Debt: q.Due, Amount: amount, Effective: q.PaidAt,
	}, now)
	if err != nil {
		return nil, refuseFor(err)
	}
	return []receipt{tell(booked)}, nil
}

func (s *Service) find(_ context.Context, q findQuestion) ([]receipt, error) {
	if q.Key == "" {
		return nil, badRequest()
	}
	return tellAll(s.book.Find(book.Parking, q.Key, s.clock.Now())), nil
}

func (s *Service) cancel(_ context.Context, q cancelQuestion) ([]receipt, error) {
	undone, err := s.book.Reverse(book.Parking, q.Number, s.clock.Now())
	if err != nil {
		return nil, refuseFor(err)
	}
	return []receipt{tell(undone)}, nil
}

func (s *Service) statement(_ context.Context, q dayQuestion) ([]receipt, error) {
	return tellAll(s.book.Statement(book.Parking, q.Day.day(), s.clock.Now())), nil
}

func (s *Service) rights(_ context.Context, q plateQuestion) ([]right, error) {
	place, ok := s.book.Rights(q.Plate)
	if !ok {
		return nil, nil
	}
	year, _, _ := calendar.Of(s.clock.Now()).YMD()
	return []right{{Plate: q.Plate, Place: place, Until: date{year, 12, 31}}}, nil
}
