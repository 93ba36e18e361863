package einvoice

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"racord/hub"
)

// Limits of one document. A bill of a household is some 8 KB.
const (
	deepest     = 32
	mostTokens  = 400_000
	longestText = 1000 // bytes of a text that is kept
)

// errNotABill is returned for a document whose root is something else, such as
// the signature beside an invoice.
var errNotABill = errors.New("not an invoice or a credit note")

// opened is an element that is being read; node is nil when it does not matter.
type opened struct {
	node     *node
	currency string
}

// parse reads one UBL document. It fails with errNotABill, or CodeBadData with
// what is wrong; texts of the document never stand in the error.
func parse(document []byte) (*bill, error) {
	if !looksLikeXML(document) {
		return nil, errNotABill
	}
	p := parser{decoder: xml.NewDecoder(bytes.NewReader(document))}
	for range mostTokens {
		token, err := p.decoder.Token()
		if errors.Is(err, io.EOF) {
			return p.done()
		}
		if err != nil {
			return nil, p.bad("is not well-formed XML")
		}
		if err := p.take(token); err != nil {
			return nil, err
		}
	}
	return nil, p.bad("is too large")
}

// looksLikeXML tells documents from pictures and print-outs that stand beside
// them.
func looksLikeXML(document []byte) bool {
	document = bytes.TrimPrefix(document, []byte("\xef\xbb\xbf"))
	return bytes.HasPrefix(bytes.TrimLeft(document, " \t\r\n"), []byte("<"))
}

type parser struct {
	decoder *xml.Decoder
	bill    *bill
	open    []opened
	text    []byte
}

func (p *parser) bad(what string) error {
	line, _ := p.decoder.InputPos()
	return hub.Errorf(hub.CodeBadData, "The document %s near line %d.", what, line)
}

func (p *parser) done() (*bill, error) {
	if p.bill == nil {
		return nil, errNotABill
	}
	return p.bill, nil
}

func (p *parser) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		p.end()
	case xml.CharData:
		return p.chars(t)
	case xml.Directive:
		return p.bad("declares a document type")
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	if len(p.open) == deepest {
		return p.bad("is nested too deep")
	}
	if len(p.open) == 0 {
		return p.root(t)
	}
	next := opened{}
	if parent := p.open[len(p.open)-1].node; parent != nil {
		next.node = parent.children[t.Name]
	}
	if next.node != nil {
		if next.node.begin != nil {
			next.node.begin(p.bill)
		}
		for i := range t.Attr {
			if t.Attr[i].Name.Local == "currencyID" {
				next.currency = t.Attr[i].Value
			}
		}
	}
	p.text = p.text[:0]
	p.open = append(p.open, next)
	return nil
}

func (p *parser) root(t xml.StartElement) error {
	root := documents[t.Name]
	switch {
	case p.bill != nil:
		return p.bad("has a second root")
	case root == nil:
		return errNotABill
	}
	p.bill = &bill{creditNote: t.Name.Local == "CreditNote"}
	p.open = append(make([]opened, 0, deepest), opened{node: root})
	return nil
}

// chars collects the text of a leaf that matters.
func (p *parser) chars(t xml.CharData) error {
	if len(p.open) == 0 {
		return nil
	}
	if leaf := p.open[len(p.open)-1].node; leaf == nil || leaf.set == nil {
		return nil
	}
	if len(p.text)+len(t) > longestText {
		return p.bad("has a text that is too long")
	}
	p.text = append(p.text, t...)
	return nil
}

func (p *parser) end() {
	last := len(p.open) - 1
	if closed := p.open[last]; closed.node != nil && closed.node.set != nil {
		closed.node.set(p.bill, strings.TrimSpace(string(p.text)), &closed)
	}
	p.open = p.open[:last]
}
