package hub

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"
	"time"
)

// Recorded is a booking as the journal keeps it.
type Recorded struct {
	Booking
	At      time.Time // the store's time
	Version int64     // of the payment that the change made; 0 = it belongs to no change
	Place   int       // in that change
}

// ChainHash is a hash over a booking and all that come before it in the chain.
type ChainHash [sha256.Size]byte

// Chained is a booking's place in the chain.
type Chained struct {
	No      int64  // 1, 2, 3 …
	Booking string // its ID
	Hash    ChainHash
}

// Follow gives a booking the place after this one. The zero Chained is before all.
func (c Chained) Follow(r Recorded) Chained {
	return Chained{No: c.No + 1, Booking: r.ID, Hash: c.Hash.over(r)}
}

// over hashes all that the journal keeps of a booking behind the hash before it.
// Texts are length-separated, so that no two bookings are written alike.
func (h ChainHash) over(r Recorded) ChainHash {
	b := append([]byte{0}, h[:]...)
	for _, text := range [...]string{r.ID, r.Kind, string(r.Payment)} {
		b = appendText(b, text)
	}
	for _, number := range [...]int64{r.At.UnixMicro(), r.Version, int64(r.Place), int64(len(r.Legs))} {
		b = binary.BigEndian.AppendUint64(b, uint64(number))
	}
	for _, leg := range r.Legs {
		b = appendText(b, leg.Account)
		b = binary.BigEndian.AppendUint64(b, uint64(leg.Debit))
		b = binary.BigEndian.AppendUint64(b, uint64(leg.Credit))
	}
	return sha256.Sum256(b)
}

func appendText(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}

// Checkpoint is a place in the chain that the hub has signed: who has no key
// cannot write the chain anew up to there. A copy outside the database also shows
// when its end was cut off.
type Checkpoint struct {
	No        int64
	Hash      ChainHash
	At        time.Time // to the second
	Key       string    // the name of the key: see KeyID
	Signature []byte
}

// CheckpointKey is the purpose of the key that signs checkpoints: see SigningKey.
const CheckpointKey = "journal checkpoint"

// SignCheckpoint signs a place in the chain.
func SignCheckpoint(key ed25519.PrivateKey, end Chained, at time.Time) Checkpoint {
	c := Checkpoint{No: end.No, Hash: end.Hash, At: at.UTC().Truncate(time.Second), Key: KeyID(key.Public().(ed25519.PublicKey))}
	c.Signature = ed25519.Sign(key, c.signed())
	return c
}

// signed is what the signature is of.
func (c Checkpoint) signed() []byte {
	return []byte("racord " + CheckpointKey + "\n" + strings.Join(c.words(), "\n") + "\n")
}

func (c Checkpoint) words() []string {
	return []string{strconv.FormatInt(c.No, 10), c.At.Format(time.RFC3339), base64.RawURLEncoding.EncodeToString(c.Hash[:]), c.Key}
}

// Verify tells whether the key signed it.
func (c Checkpoint) Verify(key ed25519.PublicKey) bool {
	return c.Key == KeyID(key) && ed25519.Verify(key, c.signed(), c.Signature)
}

// String writes a checkpoint as one line: its number, moment, hash, key and
// signature, with spaces between them.
func (c Checkpoint) String() string {
	return strings.Join(append(c.words(), base64.RawURLEncoding.EncodeToString(c.Signature)), " ")
}

// ParseCheckpoint reads what String wrote. It returns CodeBadData for anything else.
func ParseCheckpoint(line string) (c Checkpoint, err error) {
	bad := Errorf(CodeBadData, "not a checkpoint: number, moment, hash, key and signature are wanted, with a space between them")
	words := strings.Split(line, " ")
	if len(words) != 5 {
		return c, bad
	}
	hash, err := base64.RawURLEncoding.DecodeString(words[2])
	if err != nil || len(hash) != len(c.Hash) {
		return c, bad
	}
	c.Key, c.Hash = words[3], ChainHash(hash)
	if c.No, err = strconv.ParseInt(words[0], 10, 64); err != nil {
		return Checkpoint{}, bad
	}
	if c.At, err = time.Parse(time.RFC3339, words[1]); err != nil {
		return Checkpoint{}, bad
	}
	if c.Signature, err = base64.RawURLEncoding.DecodeString(words[4]); err != nil || c.String() != line {
		return Checkpoint{}, bad
	}
	return c, nil
}

// Chain gives the journal's bookings places one after the other, each with a hash
// over all before it. Bookings get theirs behind the change that wrote them, so
// that payments do not wait for each other. Places and checkpoints are only added.
type Chain interface {
	// Extend gives link the end of the chain, the last checkpoint and bookings that
	// have no place yet, oldest first, so many at most, and adds what it returns, in
	// one step: replicas wait for each other. What is committed while it looks may
	// be left to the next time. Bookings older than back before the last one that
	// has a place are not looked for, or than back before the store's now when that
	// is earlier: clocks are set back, and a booking of the future stops no other.
	Extend(ctx context.Context, back time.Duration, most int, link func(ChainEnd) ([]Chained, *Checkpoint)) error
	// EachChained gives the places after a number in their order, each with its
	// booking: nil when the journal does not have it, or its legs are of several.
	EachChained(ctx context.Context, after int64, each func(Chained, *Recorded) error) error
	// Checkpoints gives all, in their order.
	Checkpoints(ctx context.Context) ([]Checkpoint, error)
	// Unchained tells how many bookings have no place, and names those of them,
	// some at most, that are so old that Extend does not look for them.
	Unchained(ctx context.Context, back time.Duration) (waiting int, left []string, err error)
}

// ChainEnd is where the chain goes on.
type ChainEnd struct {
	Last   Chained    // No 0 = there is none yet
	Signed Checkpoint // No 0 = there is none yet
	Loose  []Recorded // to be given places
	Now    time.Time  // the store's time
}

// Places gives the loose bookings their places, one behind the other, and tells where
// the chain ends then.
func (e ChainEnd) Places() (places []Chained, last Chained) {
	last = e.Last
	for _, booking := range e.Loose {
		last = last.Follow(booking)
		places = append(places, last)
	}
	return places, last
}
