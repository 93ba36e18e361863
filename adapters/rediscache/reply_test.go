package rediscache_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"racord/adapters/rediscache"
)

func TestValuesAreCutOutOfAnAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		raw  string
		want []string // "-" = Redis has nothing
	}{
		"two strings":               {"*2\r\n$3\r\none\r\n$0\r\n\r\n", []string{"one", ""}},
		"line ends inside a string": {"*1\r\n$5\r\na\r\n$1\r\n", []string{"a\r\n$1"}},
		"nothing, in RESP 2":        {"*2\r\n$-1\r\n$1\r\nx\r\n", []string{"-", "x"}},
		"nothing, in RESP 3":        {"*2\r\n_\r\n$1\r\nx\r\n", []string{"-", "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			values := make([][]byte, len(tc.want))
			if err := rediscache.Cut([]byte(tc.raw), values); err != nil {
				t.Fatal(err)
			}
			if got := spelt(values); !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// spelt writes nil as "-".
func spelt(values [][]byte) (all []string) {
	for _, value := range values {
		if value == nil {
			all = append(all, "-")
		} else {
			all = append(all, string(value))
		}
	}
	return all
}

func TestWhatIsNoAnswerGivesNoValue(t *testing.T) {
	for name, raw := range map[string]string{
		"nothing":               "",
		"an error":              "-NOPERM this user has no permissions to run the 'mget' command\r\n",
		"one string":            "$3\r\none\r\n",
		"too few":               "*1\r\n$3\r\none\r\n",
		"too many":              "*3\r\n$3\r\none\r\n$3\r\ntwo\r\n$3\r\nsix\r\n",
		"fewer than it says":    "*2\r\n$3\r\none\r\n",
		"more than it says":     "*2\r\n$3\r\none\r\n$3\r\ntwo\r\n$3\r\nsix\r\n",
		"a number":              "*2\r\n$3\r\none\r\n:3\r\n",
		"cut off":               "*2\r\n$3\r\none\r\n$3\r\ntw",
		"a length that is none": "*2\r\n$3\r\none\r\n$+3\r\ntwo\r\n",
		"a length beyond it":    "*2\r\n$3\r\none\r\n$1073741824\r\ntwo\r\n",
		"no end of a string":    "*2\r\n$3\r\none\r\n$3\r\ntwoXX",
		"no number of strings":  "*\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			values := make([][]byte, 2)
			if err := rediscache.Cut([]byte(raw), values); err == nil || values[0] != nil || values[1] != nil {
				t.Errorf("got %q %v, want an error and nothing", values, err)
			}
		})
	}
}

func FuzzCut(f *testing.F) {
	for _, raw := range []string{"*2\r\n$3\r\none\r\n$-1\r\n", "*2\r\n_\r\n$0\r\n\r\n", "-ERR\r\n", "*2\r\n$9\r\none\r\n"} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		values := make([][]byte, 2)
		if rediscache.Cut(raw, values) != nil {
			return
		}
		for _, null := range []string{"$-1\r\n", "_\r\n"} {
			again := []byte("*2\r\n")
			for _, value := range values {
				if value == nil {
					again = append(again, null...)
				} else {
					again = fmt.Appendf(again, "$%d\r\n%s\r\n", len(value), value)
				}
			}
			same := make([][]byte, 2)
			if err := rediscache.Cut(again, same); err != nil || !slices.EqualFunc(values, same, bytes.Equal) {
				t.Fatalf("got %q (%v) for %q", same, err, again)
			}
		}
	})
}
