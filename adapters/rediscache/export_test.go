package rediscache

// Encode, Decode and Cut let the fuzzers at the formats.
var (
	Encode = encode
	Decode = decode
	Cut    = cut
)
