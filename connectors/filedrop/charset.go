package filedrop

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"racord/connectors"
)

// charset turns the bytes of a line into text.
type charset struct {
	name  string
	table *[256]rune // nil for UTF-8
}

var (
	windows1250 = single("windows-1250", charmap.Windows1250)
	latin2      = single("iso-8859-2", charmap.ISO8859_2)
	cp852       = single("cp852", charmap.CodePage852)
	unicode8    = &charset{name: "utf-8"}
)

var charsets = []*charset{windows1250, latin2, cp852, unicode8}

func single(name string, from *charmap.Charmap) *charset {
	c := &charset{name: name, table: new([256]rune)}
	for b := range c.table {
		c.table[b] = from.DecodeByte(byte(b))
	}
	return c
}

func charsetOf(name string) *charset {
	for _, c := range charsets {
		if c.name == name {
			return c
		}
	}
	return nil
}

// appendText appends the line as UTF-8.
func (c *charset) appendText(dst, line []byte) []byte {
	if c.table == nil {
		return append(dst, bytes.ToValidUTF8(line, []byte("\ufffd"))...)
	}
	for _, b := range line {
		if b < utf8.RuneSelf {
			dst = append(dst, b)
		} else {
			dst = utf8.AppendRune(dst, c.table[b])
		}
	}
	return dst
}

// plausible counts the bytes beyond ASCII of a sample, and those of them that
// the charset reads as a letter of the languages spoken here.
func (c *charset) plausible(sample []byte) (beyond, good int) {
	if c.table == nil {
		return utf8Plausible(sample)
	}
	for _, b := range sample {
		if b >= utf8.RuneSelf {
			beyond++
			if connectors.SpokenHere(c.table[b]) {
				good++
			}
		}
	}
	return beyond, good
}

func utf8Plausible(sample []byte) (beyond, good int) {
	for len(sample) > 0 {
		r, size := utf8.DecodeRune(sample)
		if r >= utf8.RuneSelf {
			beyond += size
			if size > 1 && connectors.SpokenHere(r) {
				good += size
			}
		}
		sample = sample[size:]
	}
	return beyond, good
}

// valid tells whether a sample is UTF-8, but for a last letter that it cuts.
func valid(sample []byte) bool {
	for last := len(sample) - 1; last >= 0 && last >= len(sample)-utf8.UTFMax; last-- {
		if utf8.RuneStart(sample[last]) {
			if !utf8.FullRune(sample[last:]) {
				sample = sample[:last]
			}
			break
		}
	}
	return utf8.Valid(sample)
}

// enough bytes beyond ASCII make a guess worth something.
const enough = 4

// mark may stand before UTF-8.
const mark = "\xef\xbb\xbf"

// guess finds the charset a sample is really written in: UTF-8 where a mark or the
// manifest says so and it is, else the declared one unless it reads nonsense and
// another reads the languages spoken here. What is UTF-8 throughout may have
// anybody's letters: no code page looks like it by chance. It is not sure when no
// charset fits.
func guess(sample []byte, declared *charset) (c *charset, sure bool) {
	sample, marked := bytes.CutPrefix(sample, []byte(mark))
	if (marked || declared == unicode8) && valid(sample) {
		return unicode8, true
	}
	beyond, good := declared.plausible(sample)
	if beyond < enough || 10*good >= 9*beyond {
		return declared, true
	}
	if valid(sample) {
		return unicode8, true
	}
	for _, other := range charsets {
		if all, fits := other.plausible(sample); 20*fits >= 19*all && 2*good <= beyond {
			return other, true
		}
	}
	return declared, false
}
