package electricity

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"io"
	"sync"
)

// packers are compressors between two uses: a new one costs more than the
// packing.
var packers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level exists
	return w
}}

type packer struct{ *flate.Writer }

// Close ends the stream and gives the compressor back.
func (p packer) Close() error {
	err := p.Writer.Close()
	packers.Put(p.Writer)
	return err
}

func newPacker(w io.Writer) (io.WriteCloser, error) {
	p := packers.Get().(*flate.Writer)
	p.Reset(w)
	return packer{p}, nil
}

// zip packs the invoice and its signature; in one file of four the signature
// comes first.
func (m message) zip() ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, newPacker)
	invoice := entry{m.index.String() + ".xml", appendInvoice(make([]byte, 0, 6<<10), m.client, m.invoice)}
	signature := entry{"semnatura_" + m.index.String() + ".xml", []byte(signatureXML)}
	entries := []entry{invoice, signature}
	if m.index.house()%4 == 1 {
		entries = []entry{signature, invoice}
	}
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: m.index.created()})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return out.Bytes(), err
}

type entry struct {
	name    string
	content []byte
}

// signatureXML has the form of the seal the national system adds, and no value.
const signatureXML = `<?xml version="1.0" encoding="UTF-8"?>
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
</SignedInfo><SignatureValue>Tk9UIEEgUkVBTCBTSUdOQVRVUkU=</SignatureValue></Signature>
`
