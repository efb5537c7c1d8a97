package transaction

import "bytes"

// shelf holds the buffers of messages that are not kept any more, for those that are to be kept next. They stand by their capacity,
// in steps, so that a short message, kept for half a minute, takes no long buffer.
type shelf [largestKept/shelfStep + 1][][]byte

const (
	shelfStep   = 128 // bytes
	largestKept = 2048
	shelfDepth  = 128 // buffers of one capacity
)

// keep returns a copy of b.
func (s *shelf) keep(b []byte) []byte {
	n := (len(b) + shelfStep - 1) / shelfStep
	if n >= len(s) {
		return bytes.Clone(b)
	}
	last := len(s[n]) - 1
	if last < 0 {
		return append(make([]byte, 0, n*shelfStep), b...)
	}
	free := s[n][last]
	s[n] = s[n][:last]
	return append(free[:0], b...)
}

// drop takes back what keep has returned. Nobody may refer to it any more.
func (s *shelf) drop(b []byte) {
	if n := cap(b) / shelfStep; n > 0 && n < len(s) && len(s[n]) < shelfDepth {
		s[n] = append(s[n], b)
	}
}
