package connectors

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/invopop/jsonschema"
)

// Schema gives the JSON Schema (2020-12) of manifests of every kind in the
// catalog, for editors and forms. Parse checks more than a schema can say.
func (c Catalog) Schema() []byte {
	root := schemaOf(reflect.TypeFor[header]())
	root.Version, root.Title = jsonschema.Version, "Racord connector manifest"
	root.Definitions = jsonschema.Definitions{"field": fieldSchema()}
	answer := schemaOf(reflect.TypeFor[answerPart]())
	for part := answer.Properties.Oldest(); part != nil; part = part.Next() {
		root.Definitions[part.Key] = part.Value
	}
	root.Properties.Set("settings", &jsonschema.Schema{Description: "The kind's own."})
	root.Properties.Set("calls", &jsonschema.Schema{Description: "What is sent and how answers are read, one entry a call."})
	kind, _ := root.Properties.Get("kind")
	for _, k := range c.kinds {
		kind.Enum = append(kind.Enum, k.name)
		is := jsonschema.NewProperties()
		is.Set("kind", &jsonschema.Schema{Const: k.name})
		root.AllOf = append(root.AllOf, &jsonschema.Schema{If: &jsonschema.Schema{Properties: is}, Then: k.schema(answer)})
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("connectors: " + err.Error()) // the schema holds nothing that cannot be encoded
	}
	return append(out, '\n')
}

// schema is what the kind says about settings and calls.
func (k Kind) schema(answer *jsonschema.Schema) *jsonschema.Schema {
	calls := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), Required: k.calls[:1], AdditionalProperties: jsonschema.FalseSchema}
	for _, name := range k.calls {
		call := &jsonschema.Schema{Type: "object", Properties: jsonschema.NewProperties(), AdditionalProperties: jsonschema.FalseSchema}
		if request := k.requests[name]; request != nil {
			call.Properties.Set("request", schemaOf(request))
		}
		for part := answer.Properties.Oldest(); part != nil; part = part.Next() {
			call.Properties.Set(part.Key, &jsonschema.Schema{Ref: "#/$defs/" + part.Key})
		}
		calls.Properties.Set(name, call)
	}
	own := jsonschema.NewProperties()
	own.Set("settings", schemaOf(k.settings))
	if k.contract != nil {
		own.Set("calls", jsonschema.FalseSchema)
		return &jsonschema.Schema{Properties: own}
	}
	own.Set("calls", calls)
	return &jsonschema.Schema{Properties: own, Required: []string{"calls"}}
}

// schemaOf reflects a type and adds what our tags say.
func schemaOf(t reflect.Type) *jsonschema.Schema {
	reflector := jsonschema.Reflector{
		Anonymous: true, DoNotReference: true, ExpandedStruct: true, RequiredFromJSONSchemaTags: true, Mapper: ownSchema,
	}
	s := reflector.ReflectFromType(t)
	s.Version = ""
	decorate(s, t)
	return s
}

// ownSchema is the schema of the types that read themselves.
func ownSchema(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[Field]():
		return &jsonschema.Schema{Ref: "#/$defs/field"}
	case reflect.TypeFor[Path](), reflect.TypeFor[Template](), reflect.TypeFor[SecretName]():
		return &jsonschema.Schema{Type: "string"}
	case reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`}
	case reflect.TypeFor[Body]():
		return &jsonschema.Schema{Type: "object"}
	case reflect.TypeFor[oneOrMore]():
		text := &jsonschema.Schema{Type: "string"}
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{text, {Type: "array", Items: text}, {Type: "integer"}}}
	case reflect.TypeFor[accountList]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{
			{Type: "string", Pattern: `\.csv$`}, {Type: "array", Items: schemaOf(reflect.TypeFor[accountPart]())},
		}}
	default:
		return nil
	}
}

// fieldSchema is a Field: short as text, or its long form.
func fieldSchema() *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "integer"}, schemaOf(reflect.TypeFor[fieldParts]())}}
}

// decorate adds descriptions, limits, values and what is required.
func decorate(s *jsonschema.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case s == nil || s.Ref != "" || ownSchema(t) != nil:
	case t.Kind() == reflect.Slice:
		decorate(s.Items, t.Elem())
	case t.Kind() == reflect.Map:
		decorate(s.AdditionalProperties, t.Elem())
	case t.Kind() == reflect.Struct:
		for _, f := range fieldsOf(t) {
			property, ok := s.Properties.Get(nameOf(f))
			if !ok {
				continue
			}
			decorate(property, f.Type)
			if f.Tag.Get("required") == "true" {
				s.Required = append(s.Required, nameOf(f))
			}
			tagged(property, f)
		}
	}
}

func tagged(s *jsonschema.Schema, f reflect.StructField) {
	if s.Ref == "" {
		s.Description = f.Tag.Get("doc")
	}
	inner := s
	if s.Items != nil {
		inner = s.Items
	}
	for _, value := range strings.Split(f.Tag.Get("enum"), "|") {
		if value != "" {
			inner.Enum = append(inner.Enum, value)
		}
	}
	if f.Type == reflect.TypeFor[time.Duration]() {
		return // its limits are in seconds, its text is not
	}
	if _, err := strconv.ParseFloat(f.Tag.Get("min"), 64); err == nil {
		s.Minimum = json.Number(f.Tag.Get("min"))
	}
	if _, err := strconv.ParseFloat(f.Tag.Get("max"), 64); err == nil {
		s.Maximum = json.Number(f.Tag.Get("max"))
	}
}
