package zone

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"
)

// Change is an instant at which the clocks of a zone are changed.
type Change struct {
	At time.Time
	// Offset is what they show from then on, in seconds east of UTC.
	Offset int
}

// maxOffsets is how many offsets a zone may have: TZif has an octet for the number of one.
const maxOffsets = 255

// Of makes a zone of the changes of its clocks, in order; before is their offset before the first one. The zone is not kept.
func Of(name string, before int, changes []Change) (*time.Location, error) {
	offsets := []int{before}
	var times, kinds []byte
	for _, c := range changes {
		i := slices.Index(offsets, c.Offset)
		if i < 0 {
			i = len(offsets)
			offsets = append(offsets, c.Offset)
		}
		times = binary.BigEndian.AppendUint64(times, uint64(c.At.Unix())) //nolint:gosec // two's complement, as TZif has it
		kinds = append(kinds, byte(i))                                    //nolint:gosec // at most maxOffsets, which is checked before it is used
	}
	if len(offsets) > maxOffsets {
		return nil, errors.New("the time zone has too many offsets")
	}
	// RFC 9636 §3: a block of 32-bit data, which nobody reads where there is one of 64 bits, and that one.
	b := append(header(0, 1), make([]byte, 6+1)...)
	b = append(b, header(len(changes), len(offsets))...)
	b = slices.Concat(b, times, kinds)
	for _, o := range offsets {
		b = append(binary.BigEndian.AppendUint32(b, uint32(o)), 0, 0) //nolint:gosec // two's complement
	}
	b = append(b, "\x00\n\n"...) // the one designation, which is empty, and no rule for what follows the last change
	return time.LoadLocationFromTZData(name, b)
}

// header is that of a TZif block (RFC 9636 §3.1).
func header(changes, offsets int) []byte {
	b := bytes.NewBufferString("TZif2")
	b.Write(make([]byte, 15))
	for _, n := range [...]int{0, 0, 0, changes, offsets, 1} {
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(n))) //nolint:gosec // they are small
	}
	return b.Bytes()
}
