package krpc

import "time"

// reader is a guard that is told what should come next, so that numbers and
// lengths have one reader, who is strict. Where something else comes the reader
// is lost: it stands at the end, where nothing comes any more.
type reader struct {
	guard
	lost bool
}

func (r *reader) want(ok bool) {
	if !ok {
		r.lost, r.pos = true, len(r.b)
	}
}

// at reports whether s comes next.
func (r *reader) at(s string) bool {
	return len(r.b)-r.pos >= len(s) && string(r.b[r.pos:r.pos+len(s)]) == s
}

// skip passes over s if it comes next.
func (r *reader) skip(s string) bool {
	found := r.at(s)
	if found {
		r.pos += len(s)
	}
	return found
}

// key passes over the key of a dictionary, which is given with its length, and
// counts the value that it announces.
func (r *reader) key(s string) bool {
	found := r.skip(s)
	if found {
		r.items++
	}
	return found
}

// content reads a string; it is a part of the message.
func (r *reader) content() []byte {
	content, err := r.guard.text()
	r.want(err == nil)
	return content
}

func (r *reader) text(most int) string {
	content := r.content()
	if len(content) > most {
		r.want(false)
		return ""
	}
	return string(content)
}

// fill reads a string that is as long as into.
func (r *reader) fill(into []byte) {
	content := r.content()
	r.want(len(content) == len(into))
	copy(into, content)
}

// integer reads one of 0 to most.
func (r *reader) integer(most uint64) int64 {
	if !r.skip("i") {
		r.want(false)
		return 0
	}
	n, err := r.guard.number(most)
	r.want(err == nil && r.skip("e"))
	return int64(n)
}

func (r *reader) seconds() time.Duration {
	return time.Duration(r.integer(uint64(maxSeconds))) * time.Second
}
