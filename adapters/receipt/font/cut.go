//go:build ignore

// Cut makes a font small: it keeps the glyphs of the Latin letters, digits and
// signs that receipts are written with, and drops the others, the hints and what
// only shapes other scripts.
//
//	go run cut.go /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf DejaVuSans.ttf
package main

import (
	"encoding/binary"
	"log"
	"os"
	"slices"
)

// kept are the ranges of characters that stay.
var kept = [][2]rune{{0x20, 0x7e}, {0xa0, 0x17f}, {0x218, 0x21b}, {0x2010, 0x2026}, {0x20ac, 0x20ac}, {0x2190, 0x2193}, {0x2212, 0x2212}}

// tables are those that a reader of embedded fonts needs.
var tables = []string{"OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "name", "post"}

var u16, u32 = binary.BigEndian.Uint16, binary.BigEndian.Uint32

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: go run cut.go from.ttf to.ttf")
	}
	raw, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	parts := read(raw)
	keep := glyphs(parts)
	cut(parts, keep)
	if err := os.WriteFile(os.Args[2], write(parts), 0o644); err != nil {
		log.Fatal(err)
	}
}

func read(raw []byte) map[string][]byte {
	parts := map[string][]byte{}
	for i := range int(u16(raw[4:])) {
		entry := raw[12+16*i:]
		at, length := u32(entry[8:]), u32(entry[12:])
		parts[string(entry[:4])] = raw[at : at+length]
	}
	return parts
}

// glyphs gives the glyphs of the kept characters, and those they are made of.
func glyphs(parts map[string][]byte) map[int]bool {
	keep := map[int]bool{0: true, 1: true, 2: true, 3: true}
	table := subtable(parts["cmap"])
	segments := int(u16(table[6:])) / 2
	ends, starts := table[14:], table[16+2*segments:]
	deltas, offsets := table[16+4*segments:], table[16+6*segments:]
	for i := range segments {
		for c := int(u16(starts[2*i:])); c <= int(u16(ends[2*i:])) && c < 0xffff; c++ {
			if !slices.ContainsFunc(kept, func(r [2]rune) bool { return rune(c) >= r[0] && rune(c) <= r[1] }) {
				continue
			}
			glyph := c
			if offset := int(u16(offsets[2*i:])); offset != 0 {
				glyph = int(u16(offsets[2*i+offset+2*(c-int(u16(starts[2*i:]))):]))
			}
			keep[(glyph+int(u16(deltas[2*i:])))&0xffff] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for glyph := range keep {
			for _, part := range composed(outline(parts, glyph)) {
				grown = grown || !keep[part]
				keep[part] = true
			}
		}
	}
	return keep
}

// subtable finds the Unicode map of format 4.
func subtable(cmap []byte) []byte {
	for i := range int(u16(cmap[2:])) {
		at := u32(cmap[4+8*i+4:])
		if u16(cmap[at:]) == 4 {
			return cmap[at:]
		}
	}
	log.Fatal("no character map of format 4")
	return nil
}

func outline(parts map[string][]byte, glyph int) []byte {
	if u16(parts["head"][50:]) == 0 {
		return parts["glyf"][2*int(u16(parts["loca"][2*glyph:])) : 2*int(u16(parts["loca"][2*glyph+2:]))]
	}
	return parts["glyf"][u32(parts["loca"][4*glyph:]):u32(parts["loca"][4*glyph+4:])]
}

func composed(glyph []byte) (of []int) {
	if len(glyph) < 10 || u16(glyph) < 0x8000 {
		return nil
	}
	for at := 10; ; {
		flags := u16(glyph[at:])
		of = append(of, int(u16(glyph[at+2:])))
		at += 6
		if flags&1 != 0 {
			at += 2
		}
		switch {
		case flags&8 != 0:
			at += 2
		case flags&0x40 != 0:
			at += 4
		case flags&0x80 != 0:
			at += 8
		}
		if flags&0x20 == 0 {
			return of
		}
	}
}

// cut empties the glyphs that are not kept. Their numbers stay, so that every
// other table is still right.
func cut(parts map[string][]byte, keep map[int]bool) {
	var glyf, loca []byte
	for glyph := range int(u16(parts["maxp"][4:])) {
		loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
		if keep[glyph] {
			glyf = append(glyf, outline(parts, glyph)...)
			glyf = append(glyf, make([]byte, -len(glyf)&3)...)
		}
	}
	loca = binary.BigEndian.AppendUint32(loca, uint32(len(glyf)))
	head := slices.Clone(parts["head"])
	binary.BigEndian.PutUint16(head[50:], 1) // long offsets
	post := slices.Clone(parts["post"][:32])
	binary.BigEndian.PutUint32(post, 0x00030000) // without names of glyphs
	cmap := smallMap(parts["cmap"])
	parts["glyf"], parts["loca"], parts["head"], parts["post"], parts["cmap"] = glyf, loca, head, post, cmap
}

// smallMap keeps the map of format 4 alone.
func smallMap(cmap []byte) []byte {
	table := subtable(cmap)
	out := []byte{0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12}
	return append(out, table[:u16(table[2:])]...)
}

func write(parts map[string][]byte) []byte {
	n := len(tables)
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 128, 3, 16*n - 128} { // for 8 to 15 tables
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	at := 12 + 16*n
	for _, name := range tables {
		out = append(out, name...)
		for _, v := range []uint32{sum(parts[name]), uint32(at), uint32(len(parts[name]))} {
			out = binary.BigEndian.AppendUint32(out, v)
		}
		at += len(parts[name]) + -len(parts[name])&3
	}
	for _, name := range tables {
		out = append(out, parts[name]...)
		out = append(out, make([]byte, -len(out)&3)...)
	}
	return out
}

func sum(table []byte) (total uint32) {
	padded := append(slices.Clone(table), make([]byte, -len(table)&3)...)
	for i := 0; i < len(padded); i += 4 {
		total += u32(padded[i:])
	}
	return total
}
