package grpc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxProto is how long a .proto may be, in bytes.
const maxProto = 128 << 10

// common are files of Google's that companies import, with what their messages
// are on the wire; google/protobuf/* is known to the compiler.
var common = map[string]string{
	"google/type/money.proto": `syntax = "proto3"; package google.type;
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }`,
	"google/type/date.proto": `syntax = "proto3"; package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }`,
}

// schema is a service that a .proto describes.
type schema struct{ protoreflect.ServiceDescriptor }

// schemaError is what is wrong with a .proto or with the name of its service.
type schemaError struct {
	field string
	err   error
}

func (e *schemaError) Error() string { return e.err.Error() }

// file is the name the manifest's own text has for the compiler.
const file = "proto"

// compile reads a .proto and finds its service.
func compile(text, service string) (*schema, *schemaError) {
	if len(text) > maxProto {
		return nil, &schemaError{"proto", fmt.Errorf("longer than %d bytes", maxProto)}
	}
	compiler := protocompile.Compiler{
		MaxParallelism: 1,
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			Accessor: protocompile.SourceAccessorFromMap(withCommon(text)),
		}),
	}
	files, err := compiler.Compile(context.Background(), file)
	if err != nil {
		return nil, &schemaError{"proto", errors.New(strings.TrimPrefix(err.Error(), file+":"))}
	}
	name := protoreflect.FullName(service)
	found, ok := files[0].FindDescriptorByName(name).(protoreflect.ServiceDescriptor)
	if !ok {
		return nil, &schemaError{"service", fmt.Errorf("the .proto has no service %q%s", service, servicesOf(files[0]))}
	}
	return &schema{found}, nil
}

func withCommon(text string) map[string]string {
	files := map[string]string{file: text}
	for name, text := range common {
		files[name] = text
	}
	return files
}

func servicesOf(f protoreflect.FileDescriptor) string {
	var names []string
	for i := range f.Services().Len() {
		names = append(names, string(f.Services().Get(i).FullName()))
	}
	return oneOf(names)
}

// method finds a method, or says why it cannot be called.
func (s *schema) method(name string) (method protoreflect.MethodDescriptor, problem string) {
	method = s.Methods().ByName(protoreflect.Name(name))
	switch {
	case method == nil:
		return nil, fmt.Sprintf("the service has no method %q%s", name, oneOf(s.methods()))
	case method.IsStreamingClient():
		return nil, "a method that takes a stream of requests cannot be called"
	}
	return method, ""
}

func (s *schema) methods() (names []string) {
	for i := range s.Methods().Len() {
		names = append(names, string(s.Methods().Get(i).Name()))
	}
	return names
}

// oneOf words what is allowed.
func oneOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; one of " + strings.Join(names, ", ")
}
