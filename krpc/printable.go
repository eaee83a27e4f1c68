package krpc

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable is a stranger's text made fit for a terminal or a log: at most
// maxErrorText bytes, on one line. What does not print (control characters,
// broken UTF-8, marks that turn the direction of writing) becomes U+FFFD.
func printable(s string) string {
	var clean strings.Builder
	for _, r := range s {
		if !unicode.IsPrint(r) {
			r = utf8.RuneError
		}
		if clean.Len()+utf8.RuneLen(r) > maxErrorText {
			break
		}
		clean.WriteRune(r)
	}
	return clean.String()
}
