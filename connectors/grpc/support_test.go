package grpc_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	rpc "google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"racord/connectors"
	"racord/connectors/grpc"
	"racord/hub"
)

var catalog = connectors.NewCatalog(grpc.Kind)

// contract is that of a company nobody knows.
const contract = `syntax = "proto3";
package gaz.v1;
import "google/type/money.proto";
import "google/type/date.proto";
import "google/protobuf/timestamp.proto";
service Gaz {
  rpc List(Question) returns (stream Bill);
  rpc Whole(Question) returns (Bills);
  rpc Pay(Payment) returns (Receipt);
  rpc Upload(stream Question) returns (Bills);
  rpc Booked(Day) returns (Receipts);
}
message Question { string code = 1; google.type.Date until = 2; repeated google.type.Money limits = 3; }
message Bill {
  string id = 1; google.type.Money left = 2; google.type.Date due = 3; State state = 4; string code = 5;
  map<string, string> notes = 6; repeated string meters = 7; google.protobuf.Timestamp read = 8; optional string label = 9; double rest = 10;
  enum State { UNKNOWN = 0; OPEN = 1; PAID = 2; }
}
message Bills { repeated Bill bills = 1; google.protobuf.Timestamp as_of = 2; }
message Payment { string key = 1; string bill = 2; google.type.Money amount = 3; google.protobuf.Timestamp paid_at = 4; }
message Receipt { string number = 1; string key = 2; google.type.Money amount = 3; }
message Day { string day = 1; }
message Receipts { repeated Receipt receipts = 1; }
`

const manifest = `kind: grpc
creditor: gaz
name: Gaz
category: gas
accounts: [{id: gaz, iban: RO81SBXB0000999900000021, beneficiary: Gaz}]
traits:
  fetch: [by_account]
  timeout: 2s
  paying: {class: A}
settings:
  base_url: BASE
  auth: {type: api_key, header: x-api-key, secret: gaz-key}
  service: gaz.v1.Gaz
  proto: |
PROTO
calls:
  obligations:
    read: true
    request:
      method: METHOD
      message: {code: "{{ account }}", until: "{{ now | date_iso }}", limits: ["12.50", "-0.05"]}
    errors:
      - {at: grpc.reason, is: UNKNOWN_CODE, code: not_found}
      - {at: grpc.status, is: RESOURCE_EXHAUSTED, code: busy}
    subject: SUBJECT
    items: ITEMS
    map:
      external_id: id
      kind: ="gas.bill"
      outstanding: left | money_decimal
      status: {path: state, table: {OPEN: open, PAID: paid}}
      installments: [{due_on: due | date_iso}]
      details: {note: notes.a, meter: meters.1, read: read, label: label}
  post:
    request:
      method: Pay
      message: {key: "{{ posting.id }}", bill: "{{ external_id }}", amount: "{{ amount | money_decimal }}", paid_at: "{{ paid_at }}"}
    errors:
      - {at: grpc.reason, is: PAID_BEFORE, code: not_payable, certain: true}
      - {at: grpc.status, is: RESOURCE_EXHAUSTED, code: busy, certain: true}
    booking: {posting: key, number: number, amount: amount | money_decimal}
  statement:
    read: true
    request: {method: Booked, message: {day: "{{ day }}"}}
    items: receipts
    booking: {posting: key, external_id: number, amount: amount | money_decimal}
`

// manifestText fills the manifest in; pairs replace more of it.
func manifestText(base string, pairs ...string) string {
	indented := "    " + strings.ReplaceAll(strings.TrimSpace(contract), "\n", "\n    ")
	pairs = append(pairs, "BASE", base, "PROTO", indented, "METHOD", "List", "SUBJECT", "{account: $.code}", "ITEMS", "$")
	return strings.NewReplacer(pairs...).Replace(manifest)
}

// company is a server whose answers a test writes in JSON.
type company struct {
	t       testing.TB
	service protoreflect.ServiceDescriptor
	address string

	mu     sync.Mutex
	answer func(call *incoming) error
	last   *incoming
}

// incoming is a call as the company sees it.
type incoming struct {
	rpc.ServerStream
	company  *company
	method   protoreflect.MethodDescriptor
	question string // JSON
}

// say sends a message.
func (c *incoming) say(message string) error {
	m := dynamicpb.NewMessage(c.method.Output())
	if err := protojson.Unmarshal([]byte(message), m); err != nil {
		c.company.t.Errorf("%s: %v", message, err)
	}
	return c.SendMsg(m)
}

// says makes an answer of messages.
func says(messages ...string) func(*incoming) error {
	return func(c *incoming) error {
		for _, m := range messages {
			if err := c.say(m); err != nil {
				return err
			}
		}
		return nil
	}
}

func startCompany(t testing.TB, answer func(*incoming) error) *company {
	t.Helper()
	c := &company{t: t, answer: answer}
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{
			"gaz.proto":               contract,
			"google/type/money.proto": `syntax = "proto3"; package google.type; message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`,
			"google/type/date.proto":  `syntax = "proto3"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
		}),
	})}
	files, err := compiler.Compile(t.Context(), "gaz.proto")
	if err != nil {
		t.Fatal(err)
	}
	c.service = files[0].Services().ByName("Gaz")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(rpc.UnknownServiceHandler(c.serve))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	c.address = listener.Addr().String()
	return c
}

func (c *company) serve(_ any, stream rpc.ServerStream) error {
	path, _ := rpc.MethodFromServerStream(stream)
	call := &incoming{ServerStream: stream, company: c, method: c.service.Methods().ByName(protoreflect.Name(path[strings.LastIndexByte(path, '/')+1:]))}
	question := dynamicpb.NewMessage(call.method.Input())
	if err := stream.RecvMsg(question); err != nil {
		return err
	}
	text, err := protojson.Marshal(question)
	if err != nil {
		return err
	}
	call.question = strings.ReplaceAll(string(text), " ", "") // protojson puts blanks at random
	c.mu.Lock()
	c.last = call
	answer := c.answer
	c.mu.Unlock()
	return answer(call)
}

func (c *company) asked() *incoming {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// env is the world: it dials and does nothing else.
func env() connectors.Env {
	return connectors.Env{
		Clock: hub.ClockFunc(func() time.Time { return time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC) }),
		Dial:  (&net.Dialer{}).DialContext,
		Turn:  func(context.Context) error { return nil },
		Secret: func(context.Context, string) (hub.Secret, error) {
			return hub.NewSecret("open sesame"), nil
		},
	}
}

func open(t testing.TB, text string, e connectors.Env) *hub.Connector {
	t.Helper()
	m, err := catalog.Parse("gaz.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c, err := catalog.Open(t.Context(), e, m)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// connect opens the connector of a company.
func connect(t testing.TB, c *company, pairs ...string) *hub.Connector {
	t.Helper()
	return open(t, manifestText("http://"+c.address, pairs...), env())
}

var seven = hub.Asked{Account: hub.AccountRef{Creditor: "gaz", Code: "7"}}

func ask(t testing.TB, c *hub.Connector) (hub.Answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return c.Source.Obligations(ctx, seven)
}

var posting = hub.Posting{
	ID: "hub:AAAABBBBCCCCDDDDEEEEFFFFGG:1", ExternalID: "G-1", Amount: hub.Bani(12_34),
	PaidAt: time.Date(2026, 3, 15, 8, 0, 0, 0, time.UTC),
}

func pay(t testing.TB, c *hub.Connector) (hub.Receipt, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	receipts, err := c.Sink.Post(ctx, []hub.Posting{posting})
	if len(receipts) != 1 {
		return hub.Receipt{}, err
	}
	return receipts[0], err
}
