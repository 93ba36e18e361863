package grpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"racord/connectors"
	"racord/hub"
)

// write fills the template of a request and encodes it as its message. What does
// not fit the message is a mistake of the manifest, CodeUnsupported; the cause
// names the field and repeats no value.
func write(ctx context.Context, body *connectors.Body, of protoreflect.MessageDescriptor, v *connectors.Vars) ([]byte, error) {
	m := dynamicpb.NewMessage(of)
	if !body.IsZero() {
		text, err := body.AppendJSON(ctx, nil, v)
		if err != nil {
			return nil, err
		}
		if text, err = plainJSON(text, of); err != nil {
			return nil, unfit(of)
		}
		if err := protojson.Unmarshal(text, m); err != nil {
			return nil, unfit(of) // its own words repeat what was filled in
		}
	}
	return proto.Marshal(m)
}

func unfit(of protoreflect.MessageDescriptor) error {
	return connectors.Failure(hub.CodeUnsupported, errors.New("the request does not fit the message "+string(of.FullName())))
}

// plainJSON turns amounts and dates that are written as one text into the
// messages they stand for.
func plainJSON(text []byte, of protoreflect.MessageDescriptor) ([]byte, error) {
	var tree any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	tree, err := spelled(tree, of)
	if err != nil {
		return nil, err
	}
	return json.Marshal(tree)
}

// spelled rewrites a value that stands for a message.
func spelled(v any, of protoreflect.MessageDescriptor) (any, error) {
	switch v := v.(type) {
	case string:
		switch of.FullName() {
		case "google.type.Money":
			return money(v)
		case "google.type.Date":
			return date(v)
		}
	case []any:
		for i := range v {
			var err error
			if v[i], err = spelled(v[i], of); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name, part := range v {
			field := of.Fields().ByName(protoreflect.Name(name))
			if field == nil {
				field = of.Fields().ByJSONName(name)
			}
			if field == nil || field.Message() == nil || field.IsMap() {
				continue
			}
			var err error
			if v[name], err = spelled(part, field.Message()); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// money splits "-12.50" into units and nanos (google/type/money.proto).
func money(text string) (any, error) {
	minor, err := connectors.MoneyDecimal(text)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"currency_code": hub.RON, "units": strconv.FormatInt(minor/100, 10), "nanos": minor % 100 * (nano / 100),
	}, nil
}

// date splits "2026-03-31" into its numbers (google/type/date.proto).
func date(text string) (any, error) {
	day, err := connectors.DateISO(text)
	if err != nil || day == "" {
		return nil, errors.New("not a date")
	}
	parts := strings.Split(string(day), "-")
	numbers := map[string]any{}
	for i, name := range []string{"year", "month", "day"} {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return nil, err
		}
		numbers[name] = n
	}
	return numbers, nil
}
