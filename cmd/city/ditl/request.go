package ditl

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"golang.org/x/text/encoding/charmap"
)

// request is what the office reads of an envelope.
type request struct {
	user, password string
	operation      string
	query          query             // of ListaDebite
	fields         map[string]string // of the other operations
}

// The operations of the office.
const (
	opList      = "ListaDebite"
	opPay       = "InregistreazaPlata"
	opFind      = "CautaPlata"
	opReverse   = "StornoPlata"
	opStatement = "ExtrasPlati"
)

func isOperation(name string) bool {
	switch name {
	case opList, opPay, opFind, opReverse, opStatement:
		return true
	default:
		return false
	}
}

// query names a taxpayer by CNP or CUI, or by role number.
type query struct{ code, role string }

// Namespaces and the password type the office understands (SOAP 1.1,
// WS-Security 1.0 UsernameToken profile).
const (
	soapSpace = "http://schemas.xmlsoap.org/soap/envelope/"
	wsseSpace = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	ditlSpace = "urn:napoca-test:ditl:v3"
	plainText = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
)

var errEnvelope = errors.New("ditl: not an envelope with one operation of the office")

// readRequest walks the envelope once; elements count only in their namespace
// and place.
func readRequest(body io.Reader) (request, error) {
	decoder := xml.NewDecoder(body)
	decoder.CharsetReader = charsetReader
	w := walk{}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return request{}, err
		}
		if err := w.step(token); err != nil {
			return request{}, err
		}
	}
	if w.found.operation == "" {
		return request{}, errEnvelope
	}
	return w.found, nil
}

// walk is the place in the document and what was found so far.
type walk struct {
	path  []xml.Name
	text  strings.Builder
	found request
}

func (w *walk) step(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		w.path = append(w.path, t.Name)
		w.text.Reset()
		return w.open(t)
	case xml.CharData:
		w.text.Write(t)
	case xml.EndElement:
		w.close(strings.TrimSpace(w.text.String()))
		w.text.Reset()
		w.path = w.path[:len(w.path)-1]
	}
	return nil
}

func (w *walk) open(t xml.StartElement) error {
	switch {
	case len(w.path) == 1 && t.Name != (xml.Name{Space: soapSpace, Local: "Envelope"}):
		return errEnvelope
	case w.inBody(3):
		if w.found.operation != "" || !isOperation(t.Name.Local) {
			return errEnvelope
		}
		w.found.operation, w.found.fields = t.Name.Local, map[string]string{}
	case w.at(soapSpace, "Header", wsseSpace, "Security", wsseSpace, "UsernameToken", wsseSpace, "Password"):
		for _, a := range t.Attr {
			if a.Name.Local == "Type" && a.Value != plainText {
				return errEnvelope
			}
		}
	}
	return nil
}

func (w *walk) close(text string) {
	switch {
	case w.at(soapSpace, "Header", wsseSpace, "Security", wsseSpace, "UsernameToken", wsseSpace, "Username"):
		w.found.user = text
	case w.at(soapSpace, "Header", wsseSpace, "Security", wsseSpace, "UsernameToken", wsseSpace, "Password"):
		w.found.password = text
	case w.inBody(4):
		w.field(w.path[3].Local, text)
	}
}

func (w *walk) field(name, text string) {
	switch {
	case w.found.operation != opList:
		w.found.fields[name] = text
	case name == "CNP":
		w.found.query.code = text
	case name == "Rol":
		w.found.query.role = text
	}
}

// inBody reports whether the walk is at an element of the office's below the
// body, at a depth counted from the envelope.
func (w *walk) inBody(depth int) bool {
	if len(w.path) != depth || w.path[1] != (xml.Name{Space: soapSpace, Local: "Body"}) {
		return false
	}
	for _, name := range w.path[2:] {
		if name.Space != ditlSpace {
			return false
		}
	}
	return true
}

// at reports whether the walk is exactly here below the envelope, given as
// pairs of namespace and name.
func (w *walk) at(pairs ...string) bool {
	if len(w.path) != 1+len(pairs)/2 {
		return false
	}
	for i, name := range w.path[1:] {
		if name.Local != pairs[2*i+1] || name.Space != pairs[2*i] {
			return false
		}
	}
	return true
}

func charsetReader(label string, input io.Reader) (io.Reader, error) {
	if strings.EqualFold(label, "windows-1250") {
		return charmap.Windows1250.NewDecoder().Reader(input), nil
	}
	return nil, errors.New("ditl: unknown encoding " + label)
}
