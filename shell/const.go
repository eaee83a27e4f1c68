package shell

import "time"

// What a script may take. Lua itself has no such limits; whoever pastes a script
// of somebody else's should not lose the machine to it.
const (
	// MaxSource is the longest chunk that is compiled, in bytes. The compiler
	// cannot be interrupted, and takes time that grows with the square.
	MaxSource = 256 << 10

	// MaxString is the longest string that a function of the string and table
	// libraries makes, in bytes.
	MaxString = 16 << 20

	// MaxSubject is the longest string that a pattern is looked for in: one
	// match cannot be interrupted. MaxPattern is the longest pattern.
	MaxSubject = 1 << 20
	MaxPattern = 8 << 10

	// FormatDigits is how many digits a width or a precision of string.format may
	// have, as in Lua, and DefaultDigits how many of a number %g shows.
	FormatDigits  = 2
	DefaultDigits = 6

	// MaxMemory is how many bytes the process may grow by while a command runs,
	// and MemoryInterval how often that is looked at.
	MaxMemory      = 256 << 20
	MemoryInterval = 10 * time.Millisecond

	// CallDepth is how deep functions may call each other, and CoroutineDepth how
	// deep coroutines may resume each other (Lua: 200).
	CallDepth      = 8192
	CoroutineDepth = 200

	// Registers is how many values a coroutine begins with room for, MoreRegisters
	// how many more it is given at a time, and MaxRegisters how many it may have:
	// what unpack and select can handle.
	Registers     = 1 << 10
	MoreRegisters = 1 << 14
	MaxRegisters  = 1 << 18

	// MaxArray is up to which index a table is an array, 16 bytes an index, used
	// or not; beyond it is a hash.
	MaxArray = 1 << 20
)

// The prompt.
const (
	// StatusTimeout is how long the prompt waits for the node's status.
	StatusTimeout = time.Second

	// StuckAfter is how long an interrupted command has to end. After that the
	// next interruption gives it up.
	StuckAfter = time.Second

	// MaxHistory is how many lines are remembered, and MaxHistoryLine how long
	// they may be, in bytes.
	MaxHistory     = 1000
	MaxHistoryLine = 4 << 10

	// MaxLine is the longest line that is read where there is no terminal.
	MaxLine = MaxSource
)

// IDLength is how many bytes an ID has; in hexadecimal it has twice as many.
const IDLength = 20

// What is shown.
const (
	// ShownBytes is how much of a string is shown, ShownValues how many values
	// of one search, and ShownHolders how many nodes in one line.
	ShownBytes   = 400
	ShownValues  = 100
	ShownHolders = 3

	// ShownDepth is how deep tables in tables are shown, and ShownFields how
	// many fields in all.
	ShownDepth  = 8
	ShownFields = 1000

	// Indent is how many spaces a table in a table is set in.
	Indent = 4

	// DistanceDigits is how many hexadecimal digits of a distance are shown, and
	// of an ID in a trace: a quarter of it tells nodes apart.
	DistanceDigits = 10
)
