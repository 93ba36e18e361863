package einvoice

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"sync"

	"racord/hub"
)

// Limits of one archive. An archive of the national system holds two documents
// of some 8 KB (ANAF, e-Factura, descarcare).
const (
	mostEntries  = 16
	largestEntry = 4 << 20 // bytes, unpacked
	largestTotal = 8 << 20 // bytes, unpacked
	// bestRatio is how well an archive may be packed: XML is packed to a
	// twentieth, a bomb to a thousandth.
	bestRatio = 200
)

// buffers hold unpacked documents between archives.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// unpack finds the bill in an archive by what the documents are, not by their
// place or name. It fails with CodeBadData, errNoArchive among them.
func unpack(archive []byte) (*bill, error) {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil && !bytes.HasPrefix(archive, []byte("PK")) {
		return nil, errNoArchive
	}
	if err != nil {
		return nil, hub.Errorf(hub.CodeBadData, "The archive cannot be opened.")
	}
	if len(reader.File) > mostEntries {
		return nil, hub.Errorf(hub.CodeBadData, "The archive holds more than %d files.", mostEntries)
	}
	buffer := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buffer)
	return search(reader.File, buffer, min(largestTotal, bestRatio*int64(len(archive))))
}

// search reads the documents of an archive until all are looked at; limit is
// how many bytes they may have together.
func search(files []*zip.File, buffer *bytes.Buffer, limit int64) (found *bill, err error) {
	for _, file := range files {
		if file.FileInfo().IsDir() {
			continue
		}
		if err := inflate(buffer, file, min(limit, largestEntry)); err != nil {
			return nil, err
		}
		limit -= int64(buffer.Len())
		b, err := parse(buffer.Bytes())
		switch {
		case errors.Is(err, errNotABill):
		case err != nil:
			return nil, err
		case found != nil:
			return nil, hub.Errorf(hub.CodeBadData, "The archive holds more than one invoice.")
		default:
			found = b
		}
	}
	if found == nil {
		return nil, hub.Errorf(hub.CodeBadData, "The archive holds no invoice.")
	}
	return found, nil
}

// inflate unpacks one file. Sizes in the archive's own directory are not
// believed.
func inflate(into *bytes.Buffer, file *zip.File, limit int64) error {
	into.Reset()
	content, err := file.Open()
	if err != nil {
		return hub.Errorf(hub.CodeBadData, "A file of the archive cannot be unpacked.")
	}
	_, err = io.Copy(into, io.LimitReader(content, limit+1))
	_ = content.Close() // it was only read
	if err != nil {
		return hub.Errorf(hub.CodeBadData, "A file of the archive cannot be unpacked.")
	}
	if int64(into.Len()) > limit {
		return hub.Errorf(hub.CodeBadData, "The archive is larger than an invoice can be once it is unpacked.")
	}
	return nil
}
