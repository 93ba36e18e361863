package town_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"racord/cmd/city/gate"
	"racord/cmd/city/parking"
	"racord/cmd/city/town"
)

// googleTypes are messages as they are on the wire.
const googleTypes = `syntax = "proto3"; package google.type;
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`

// caller calls the parking company as a stranger would who has its contract.
type caller struct {
	conn    *grpc.ClientConn
	service protoreflect.ServiceDescriptor
	key     string
}

func callParking(t *testing.T, city *town.Town) *caller {
	t.Helper()
	money, date, _ := strings.Cut(googleTypes, "message Date")
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{
			"parking.proto": parking.Contract, "google/type/money.proto": money,
			"google/type/date.proto": `syntax = "proto3"; package google.type; message Date` + date,
		}),
	})}
	files, err := compiler.Compile(t.Context(), "parking.proto")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(city.URL(), "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &caller{conn, files[0].Services().ByName("Parking"), city.Credentials()["parking-api-key"]}
}

// call gives the messages that came, and the status in the end.
func (c *caller) call(t *testing.T, method, question string) (answers []map[string]any, err error) {
	t.Helper()
	described := c.service.Methods().ByName(protoreflect.Name(method))
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-api-key", c.key)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, "/"+string(c.service.FullName())+"/"+method)
	if err != nil {
		return nil, err
	}
	asked := dynamicpb.NewMessage(described.Input())
	if err := protojson.Unmarshal([]byte(question), asked); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(stream.SendMsg(asked), stream.CloseSend()); err != nil {
		return nil, err
	}
	for {
		told := dynamicpb.NewMessage(described.Output())
		if err := stream.RecvMsg(told); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return answers, err
		}
		text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(told)
		if err != nil {
			t.Fatal(err)
		}
		one := map[string]any{}
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, one)
	}
}

// reasonOf is why a call was refused.
func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}

func readParking(t *testing.T, c *caller, p town.Person, seen books) {
	t.Helper()
	dues, err := c.call(t, "ListDues", fmt.Sprintf(`{"holderCode":%q}`, p.CNP+p.CUI))
	if reasonOf(err) == "HOLDER_UNKNOWN" {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, due := range dues {
		left, paid := moneyOf(t, due["amount"]), moneyOf(t, due["paid"])
		day := due["due"].(map[string]any)
		seen.add("parking", p.ID, due["id"].(string), shown{
			left + paid, paid, left, fmt.Sprintf("%04.0f-%02.0f-%02.0f", day["year"], day["month"], day["day"]),
		})
	}
}

// moneyOf reads google.type.Money in JSON.
func moneyOf(t *testing.T, v any) (bani int64) {
	t.Helper()
	m := v.(map[string]any)
	var units int64
	if _, err := fmt.Sscan(m["units"].(string), &units); err != nil || m["currencyCode"] != "RON" {
		t.Fatalf("got the amount %v, want lei", v)
	}
	return units*100 + int64(m["nanos"].(float64))/10_000_000
}

func TestParkingBooksAKeyOnce(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	c, d := callParking(t, city), openBills(t, city, "ana", "parking")[0]
	pay := func(key, due string, bani int64) (string, error) {
		receipts, err := c.call(t, "Pay", fmt.Sprintf(
			`{"key":%q,"dueId":%q,"amount":{"currencyCode":"RON","units":"%d","nanos":%d},"paidAt":"2026-03-15T08:00:00Z"}`, key, due, bani/100, bani%100*10_000_000))
		if len(receipts) != 1 {
			return "", err
		}
		return receipts[0]["number"].(string), err
	}
	for what, tc := range map[string]struct {
		due    string
		bani   int64
		reason string
	}{
		"an unknown due":     {"PK-9999999", 100, "DUE_UNKNOWN"},
		"another amount":     {d.ExternalID, d.Outstanding - 1, "AMOUNT_CHANGED"},
		"less than nothing":  {d.ExternalID, -100, "BAD_REQUEST"},
		"a due of no number": {"", 100, "BAD_REQUEST"},
	} {
		if _, err := pay("k", tc.due, tc.bani); reasonOf(err) != tc.reason {
			t.Errorf("%s: got %v, want %s", what, err, tc.reason)
		}
	}
	first, err := pay("k", d.ExternalID, d.Outstanding)
	again, repeated := pay("k", d.ExternalID, d.Outstanding)
	if err != nil || repeated != nil || first == "" || first != again {
		t.Errorf("got %q, %v and %q, %v, want one receipt", first, err, again, repeated)
	}
	if _, err := pay("other", d.ExternalID, d.Outstanding); reasonOf(err) != "ALREADY_PAID" {
		t.Errorf("got %v, want ALREADY_PAID", err)
	}
	if booked := city.Book("parking"); len(booked) != 1 || owed(t, city, "ana", "parking", d.ExternalID) != 0 {
		t.Errorf("got %d receipts and %d owed, want one and nothing", len(booked), owed(t, city, "ana", "parking", d.ExternalID))
	}
}

func TestParkingMisbehavesOnRequest(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	c := callParking(t, city)
	ana, err := city.Person("ana")
	if err != nil {
		t.Fatal(err)
	}
	for kind, tc := range map[gate.Kind]struct {
		code  codes.Code
		whole bool // all dues are told
	}{
		gate.Down: {codes.Internal, false}, gate.Refuse503: {codes.Unavailable, false}, gate.RateLimited: {codes.ResourceExhausted, false},
		gate.Maintenance: {codes.Unavailable, false}, gate.Auth: {codes.Unauthenticated, false}, gate.StreamCut: {codes.Unavailable, false},
		gate.Malformed: {codes.Internal, false}, gate.LostAnswer: {codes.Internal, false}, gate.NewValue: {codes.OK, true}, gate.PlateLetters: {codes.OK, true},
	} {
		meet(t, city, "parking", town.Fault{Kind: kind})
		dues, err := c.call(t, "ListDues", fmt.Sprintf(`{"holderCode":%q}`, ana.CNP))
		city.ClearFaults("parking")
		if status.Code(err) != tc.code || (len(dues) == 3) != tc.whole {
			t.Errorf("%s: got %d dues and %v, want %s", kind, len(dues), err, tc.code)
			continue
		}
		if kind == gate.NewValue && dues[0]["state"] != 4.0 {
			t.Errorf("got state %v, want one that the contract does not have", dues[0]["state"])
		}
		if kind == gate.PlateLetters && dues[0]["plate"] != "CJ O1 AAA" {
			t.Errorf("got plate %v, want letters in it", dues[0]["plate"])
		}
		if kind == gate.StreamCut && len(dues) != 1 {
			t.Errorf("got %d dues, want the first", len(dues))
		}
	}
}

func TestParkingTellsWhoMayPark(t *testing.T) {
	city := start(t, town.Config{Seed: 1, Size: "XS"})
	c := callParking(t, city)
	rights, err := c.call(t, "RightsFor", `{"plate":"CJ 01 AAA"}`)
	if err != nil || len(rights) != 1 || rights[0]["placeId"] != "P-000" {
		t.Errorf("got %v, %v, want the place of ana", rights, err)
	}
	for _, plate := range []string{"CJ 99 ZZZ", "B 01 AAA", "CJ 01 AA", ""} {
		if rights, err := c.call(t, "RightsFor", fmt.Sprintf(`{"plate":%q}`, plate)); err != nil || len(rights) != 0 {
			t.Errorf("%q: got %v, %v, want no right", plate, rights, err)
		}
	}
	c.key = "stolen"
	if _, err := c.call(t, "RightsFor", `{"plate":"CJ 01 AAA"}`); reasonOf(err) != "BAD_KEY" {
		t.Errorf("got %v, want BAD_KEY", err)
	}
}
