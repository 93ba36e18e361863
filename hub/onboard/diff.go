package onboard

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"racord/hub"
)

// diffTexts compares two manifests and the files beside them, in the unified form
// that patch reads. It is empty when nothing differs.
func diffTexts(before, after hub.ManifestText, from, to int) string {
	var out strings.Builder
	names := []string{""}
	for _, text := range []hub.ManifestText{before, after} {
		for _, f := range text.Files {
			if !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	for _, name := range names {
		title := name
		if name == "" {
			title = "manifest.yaml"
		}
		body := unified(lines(part(before, name)), lines(part(after, name)))
		if body != "" {
			fmt.Fprintf(&out, "--- version %d/%s\n+++ version %d/%s\n%s", from, title, to, title, body)
		}
	}
	return out.String()
}

// part gives the manifest itself or a file beside it.
func part(text hub.ManifestText, name string) []byte {
	if name == "" {
		return text.YAML
	}
	for _, f := range text.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func lines(data []byte) (list []string) {
	for line := range bytes.Lines(data) {
		list = append(list, strings.TrimRight(string(line), "\r\n"))
	}
	return list
}

// edit is a line that both have (' '), or only one of them ('-', '+').
type edit struct {
	kind byte
	text string
}

// mostCells bounds the table of a comparison. What differs in more lines than
// that is shown as a whole.
const mostCells = 4 << 20

// edits compares lines by their longest common subsequence.
func edits(a, b []string) (list []edit) {
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		list = append(list, edit{' ', a[head]})
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	list = append(list, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, text := range a[len(a)-tail:] {
		list = append(list, edit{' ', text})
	}
	return list
}

func middle(a, b []string) (list []edit) {
	common := table(a, b)
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case common != nil && i < len(a) && j < len(b) && a[i] == b[j]:
			list = append(list, edit{' ', a[i]})
			i, j = i+1, j+1
		case i < len(a) && (j == len(b) || common == nil || common[i+1][j] >= common[i][j+1]):
			list = append(list, edit{'-', a[i]})
			i++
		default:
			list = append(list, edit{'+', b[j]})
			j++
		}
	}
	return list
}

// table holds the length of the longest common subsequence of all ends; nil when
// it would be too large.
func table(a, b []string) [][]int32 {
	if len(a) == 0 || len(b) == 0 || len(a) > mostCells/len(b) {
		return nil
	}
	cells := make([][]int32, len(a)+1)
	for i := range cells {
		cells[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				cells[i][j] = cells[i+1][j+1] + 1
			} else {
				cells[i][j] = max(cells[i+1][j], cells[i][j+1])
			}
		}
	}
	return cells
}

// around is how many lines that did not change are shown around those that did.
const around = 3

// unified writes what differs in hunks.
func unified(a, b []string) string {
	all := edits(a, b)
	var out strings.Builder
	oldLine, newLine := 1, 1
	for at := 0; at < len(all); {
		end := hunkEnd(all, at)
		if end == at { // far from any change
			at, oldLine, newLine = at+1, oldLine+1, newLine+1
			continue
		}
		hunk := all[at:end]
		olds, news := sides(hunk)
		fmt.Fprintf(&out, "@@ -%s +%s @@\n", span(oldLine, olds), span(newLine, news))
		for _, e := range hunk {
			fmt.Fprintf(&out, "%c%s\n", e.kind, e.text)
		}
		at, oldLine, newLine = end, oldLine+olds, newLine+news
	}
	return out.String()
}

// hunkEnd tells where a hunk that begins at a line ends; there is none when the
// next change is further away than what is shown around it.
func hunkEnd(all []edit, at int) int {
	last := -1
	for i := at; i < len(all); i++ {
		switch {
		case all[i].kind != ' ':
			last = i
		case last < 0 && i-at >= around, last >= 0 && i-last > 2*around:
			return hunkCut(all, at, last)
		}
	}
	return hunkCut(all, at, last)
}

func hunkCut(all []edit, at, last int) int {
	if last < 0 {
		return at
	}
	return min(last+around+1, len(all))
}

func sides(hunk []edit) (olds, news int) {
	for _, e := range hunk {
		if e.kind != '+' {
			olds++
		}
		if e.kind != '-' {
			news++
		}
	}
	return olds, news
}

func span(line, count int) string {
	if count == 0 {
		line--
	}
	return fmt.Sprintf("%d,%d", line, count)
}
