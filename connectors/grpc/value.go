package grpc

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"racord/connectors"
)

// message is a message of an answer. Fields that are absent, and messages that
// are not set, are no values; scalars without presence have their zero.
type message struct{ protoreflect.Message }

// Child gives the field of that name, as the .proto spells it.
func (m message) Child(name string) connectors.Value {
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil || field.HasPresence() && !m.Has(field) {
		return nil
	}
	value := m.Get(field)
	switch {
	case field.IsList():
		return list{field, value.List()}
	case field.IsMap():
		return table{field.MapValue(), value.Map()}
	}
	return valueOf(field, value)
}

// Each calls f for the elements of a repeated field, and for the message itself.
func (m message) Each(name string, f func(connectors.Value) bool) bool {
	if name == "" {
		return false
	}
	if child, ok := m.Child(name).(list); ok {
		return child.Each("", f)
	}
	return false
}

// AppendText writes the well-known messages that are one value.
func (m message) AppendText(dst []byte) ([]byte, bool) {
	if write := known[m.Descriptor().FullName()]; write != nil {
		return write(dst, m), true
	}
	return dst, false
}

// Any gives the fields that are set.
func (m message) Any() any {
	if text, is := m.AppendText(nil); is {
		return string(text)
	}
	all := map[string]any{}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		if child := m.Child(string(fields.Get(i).Name())); child != nil {
			all[string(fields.Get(i).Name())] = child.Any()
		}
	}
	return all
}

// valueOf is a single value of a field.
func valueOf(field protoreflect.FieldDescriptor, value protoreflect.Value) connectors.Value {
	if field.Message() != nil {
		return message{value.Message()}
	}
	return scalar{field, value}
}

// list is a repeated field.
type list struct {
	field protoreflect.FieldDescriptor
	protoreflect.List
}

// Child gives an element by its index.
func (l list) Child(name string) connectors.Value {
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < l.Len() {
		return valueOf(l.field, l.Get(i))
	}
	return nil
}

// Each calls f for the elements.
func (l list) Each(name string, f func(connectors.Value) bool) bool {
	for i := 0; name == "" && i < l.Len() && f(valueOf(l.field, l.Get(i))); i++ {
	}
	return name == ""
}

// AppendText is never ok: a list has parts.
func (l list) AppendText(dst []byte) ([]byte, bool) { return dst, false }

// Any gives a slice.
func (l list) Any() any { return allOf(l) }

// allOf gives the elements of a list.
func allOf(v connectors.Value) any {
	all := []any{}
	v.Each("", func(one connectors.Value) bool { all = append(all, one.Any()); return true })
	return all
}

// table is a map field.
type table struct {
	field protoreflect.FieldDescriptor
	protoreflect.Map
}

// Child gives the value of a key that is text.
func (t table) Child(name string) connectors.Value {
	var found connectors.Value
	t.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		if key.String() == name {
			found = valueOf(t.field, value)
		}
		return found == nil
	})
	return found
}

// Each is no list.
func (t table) Each(string, func(connectors.Value) bool) bool { return false }

// AppendText is never ok: a map has parts.
func (t table) AppendText(dst []byte) ([]byte, bool) { return dst, false }

// Any gives a map.
func (t table) Any() any {
	all := map[string]any{}
	t.Range(func(key protoreflect.MapKey, value protoreflect.Value) bool {
		all[key.String()] = valueOf(t.field, value).Any()
		return true
	})
	return all
}

// scalar is a number, a text, a truth value, bytes or an enum.
type scalar struct {
	field protoreflect.FieldDescriptor
	value protoreflect.Value
}

// Child gives nothing.
func (s scalar) Child(string) connectors.Value { return nil }

// Each is no list.
func (s scalar) Each(string, func(connectors.Value) bool) bool { return false }

// AppendText writes bytes in base64, and an enum by its name; a value that the
// .proto does not have stays a number, so that no table of names takes it.
func (s scalar) AppendText(dst []byte) ([]byte, bool) {
	switch s.field.Kind() {
	case protoreflect.EnumKind:
		if name := s.field.Enum().Values().ByNumber(s.value.Enum()); name != nil {
			return append(dst, name.Name()...), true
		}
		return strconv.AppendInt(dst, int64(s.value.Enum()), 10), true
	case protoreflect.BytesKind:
		return base64.StdEncoding.AppendEncode(dst, s.value.Bytes()), true
	case protoreflect.DoubleKind:
		return strconv.AppendFloat(dst, s.value.Float(), 'f', -1, 64), true
	case protoreflect.FloatKind:
		return strconv.AppendFloat(dst, s.value.Float(), 'f', -1, 32), true
	case protoreflect.StringKind:
		return appendUTF8(dst, s.value.String()), true
	default:
		return append(dst, s.value.String()...), true
	}
}

// IsNumber tells numbers from text that holds one.
func (s scalar) IsNumber() bool {
	return s.field.Kind() == protoreflect.DoubleKind || s.field.Kind() == protoreflect.FloatKind
}

// appendUTF8 marks what is not UTF-8, which proto2 lets through.
func appendUTF8(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return append(dst, s...)
	}
	for _, c := range s {
		dst = utf8.AppendRune(dst, c)
	}
	return dst
}

// Any gives truth values and whole numbers as they are, other numbers as
// json.Number, the rest as text.
func (s scalar) Any() any {
	text, _ := s.AppendText(nil)
	switch s.field.Kind() {
	case protoreflect.BoolKind:
		return s.value.Bool()
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.EnumKind:
		return string(text)
	}
	if whole, err := strconv.Atoi(string(text)); err == nil {
		return whole
	}
	if s.IsNumber() {
		return json.Number(text)
	}
	return string(text)
}

// stream is the answer of a method that streams it: a list by itself.
type stream []protoreflect.Message

// Child gives a message by its index.
func (s stream) Child(name string) connectors.Value {
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(s) {
		return message{s[i]}
	}
	return nil
}

// Each calls f for the messages, or for a field of each of them: what all of
// them say is said by the answer.
func (s stream) Each(name string, f func(connectors.Value) bool) bool {
	for _, m := range s {
		one := connectors.Value(message{m})
		if name != "" {
			one = one.Child(name)
		}
		if one != nil && !f(one) {
			break
		}
	}
	return true
}

// AppendText is never ok: a stream has parts.
func (s stream) AppendText(dst []byte) ([]byte, bool) { return dst, false }

// Any gives a slice.
func (s stream) Any() any { return allOf(s) }

// known are messages that stand for one value, and how it is spelt.
var known = map[protoreflect.FullName]func(dst []byte, m message) []byte{
	"google.type.Money":         appendMoney,
	"google.type.Date":          appendDate,
	"google.protobuf.Timestamp": appendTimestamp,
}

func (m message) whole(name string) int64 {
	field := m.Descriptor().Fields().ByName(protoreflect.Name(name))
	if field == nil || field.IsList() || field.Kind() != protoreflect.Int64Kind && field.Kind() != protoreflect.Int32Kind {
		return 0
	}
	return m.Get(field).Int()
}

// noMoney is a text that no transform takes for an amount.
const noMoney = "not an amount of lei"

// nano is how many nanos a unit has.
const nano = 1_000_000_000

// appendMoney writes units and nanos as a decimal number, every digit of it. What
// is not lei, or breaks the rules of google/type/money.proto (nanos below a unit,
// both of one sign), becomes a text that is no amount: it must not be taken for
// one that is missing.
func appendMoney(dst []byte, m message) []byte {
	units, nanos := m.whole("units"), m.whole("nanos")
	currency := ""
	if c := m.Child("currency_code"); c != nil {
		text, _ := c.AppendText(nil)
		currency = string(text)
	}
	if currency != "RON" || nanos <= -nano || nanos >= nano || units > 0 && nanos < 0 || units < 0 && nanos > 0 {
		return append(dst, noMoney...)
	}
	if units < 0 || nanos < 0 {
		dst = append(dst, '-')
	}
	dst = append(dst, strconv.FormatUint(magnitude(units), 10)...)
	dst = append(dst, '.')
	return append(dst, strconv.FormatUint(nano+magnitude(nanos), 10)[1:]...)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// appendDate writes YYYY-MM-DD; a date without a day or a month (which
// google/type/date.proto allows) is written with zeros, which no transform takes,
// and one of zeros only is none.
func appendDate(dst []byte, m message) []byte {
	year, month, day := m.whole("year"), m.whole("month"), m.whole("day")
	if year == 0 && month == 0 && day == 0 {
		return dst
	}
	if year < 0 || year > 9999 || month < 0 || month > 12 || day < 0 || day > 31 {
		return append(dst, "not a date"...)
	}
	return fmt.Appendf(dst, "%04d-%02d-%02d", year, month, day)
}

func appendTimestamp(dst []byte, m message) []byte {
	seconds, nanos := m.whole("seconds"), m.whole("nanos")
	if nanos < 0 || nanos >= nano || seconds < -62_135_596_800 || seconds > 253_402_300_799 { // years 1 to 9999
		return append(dst, "not a moment"...)
	}
	return time.Unix(seconds, nanos).UTC().AppendFormat(dst, time.RFC3339Nano)
}

var (
	_ connectors.Value  = message{}
	_ connectors.Value  = list{}
	_ connectors.Value  = table{}
	_ connectors.Number = scalar{}
	_ connectors.Value  = stream(nil)
)
