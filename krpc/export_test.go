package krpc

// The two ways, each by itself, for the tests that hold them together.
var (
	EncodeByLibrary = encode
	DecodeByLibrary = decode
	WriteByHand     = write
	ReadByHand      = read
)
