package parking

import (
	"context"
	_ "embed" // the contract
	"encoding/json"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Contract is what the company gives to those who call it.
//
//go:embed parking.proto
var Contract string

// types are the two files of Google's that the contract imports.
var types = map[string]string{
	"google/type/money.proto": `syntax = "proto3"; package google.type;
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`,
	"google/type/date.proto": `syntax = "proto3"; package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
}

// describe compiles the contract.
func describe() protoreflect.ServiceDescriptor {
	files := map[string]string{"parking.proto": Contract}
	for name, text := range types {
		files[name] = text
	}
	compiler := protocompile.Compiler{MaxParallelism: 1, Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(files),
	})}
	compiled, err := compiler.Compile(context.Background(), "parking.proto")
	if err != nil {
		panic(err) // the contract is part of the program
	}
	return compiled[0].Services().ByName("Parking")
}

// method serves a method of the contract with a function over Go values in the
// JSON form of its messages. What it gives is sent message by message, also
// before an error.
func method[Question, Answer any](contract protoreflect.ServiceDescriptor, name string, serve func(context.Context, Question) ([]Answer, error)) grpc.StreamDesc {
	described := contract.Methods().ByName(protoreflect.Name(name))
	return grpc.StreamDesc{StreamName: name, ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error {
		asked := dynamicpb.NewMessage(described.Input())
		if err := stream.RecvMsg(asked); err != nil {
			return err
		}
		var question Question
		if err := decode(asked, &question); err != nil {
			return err
		}
		answers, failed := serve(stream.Context(), question)
		for _, answer := range answers {
			told := dynamicpb.NewMessage(described.Output())
			if err := encode(answer, told); err != nil {
				return err
			}
			if err := stream.SendMsg(told); err != nil {
				return err
			}
		}
		return failed
	}}
}

func decode(m protoreflect.ProtoMessage, into any) error {
	text, err := protojson.Marshal(m)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func encode(from any, m protoreflect.ProtoMessage) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return protojson.Unmarshal(text, m)
}
