package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"

	"racord/hub"
)

// withText is a manifest, and files that it names.
type withText struct {
	versionRef
	text hub.ManifestText
}

// longestForm in bytes has room for a manifest with four files.
const longestForm = longestManifest + 4*longestFile + 16<<10

// decodeText reads a manifest: alone, or in a form with the files that it names.
func decodeText(r *http.Request) (t withText, err error) {
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "multipart/form-data" {
		alone, err := decodeManifest(r)
		return withText{alone.versionRef, hub.ManifestText{YAML: alone.data}}, err
	}
	if t.versionRef, err = decodeCreditor(r); err != nil {
		return t, err
	}
	r.Body = http.MaxBytesReader(nil, r.Body, longestForm)
	parts, err := r.MultipartReader()
	if err != nil {
		return t, hub.Errorf(codeMalformed, "The body is not a form.")
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return t, cutShort(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return t, cutShort(err)
		}
		switch {
		case part.FormName() == "manifest" && t.text.YAML == nil:
			t.text.YAML = data
		case part.FormName() == "files":
			t.text.Files = append(t.text.Files, hub.ManifestFile{Name: part.FileName(), Data: data})
		default:
			return t, hub.Errorf(codeMalformed, "The form has one part manifest, and files.")
		}
	}
}
