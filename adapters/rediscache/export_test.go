package rediscache

// Encode and Decode let the fuzzer at the format.
var (
	Encode = encode
	Decode = decode
)
