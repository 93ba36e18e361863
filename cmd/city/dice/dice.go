// Package dice rolls the same numbers for the same seed and question, in any
// order and from any goroutine: the city's facts are functions of the seed, so
// nothing has to be stored to be repeated.
package dice

// Dice is a stream of numbers that belongs to one question about one thing.
// The zero value is not seeded; use New.
type Dice struct{ state uint64 }

// New returns the stream for a topic ("flat", "habit") and the numbers of the
// things asked about.
func New(seed int64, topic string, things ...int) Dice {
	h := mix(uint64(seed) + 0x9e3779b97f4a7c15)
	for i := range len(topic) {
		h = (h ^ uint64(topic[i])) * 0x100000001b3
	}
	for _, n := range things {
		h = mix(h ^ (uint64(n) + 0x9e3779b97f4a7c15))
	}
	return Dice{state: mix(h)}
}

// Uint64 returns the next number (splitmix64).
func (d *Dice) Uint64() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mix(d.state)
}

// Intn returns a number in [0, n).
func (d *Dice) Intn(n int) int { return int(d.Uint64() >> 1 % uint64(n)) }

// Between returns a number in [low, high].
func (d *Dice) Between(low, high int) int { return low + d.Intn(high-low+1) }

// Float returns a number in [0, 1).
func (d *Dice) Float() float64 { return float64(d.Uint64()>>11) / (1 << 53) }

// Chance is true once in a thousand, permille times.
func (d *Dice) Chance(permille int) bool { return d.Intn(1000) < permille }

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Peek returns the next number without a variable to keep the stream in.
func (d Dice) Peek() uint64 { return d.Uint64() }
