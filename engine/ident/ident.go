// Package ident makes the identifiers that the engine puts on the wire (Call-IDs, tags, branches)
// and reads the slot back out of them.
//
// An identifier is a prefix and 21 characters of lower-case base32: three for the slot, two for
// the node, sixteen (80 bits) of ChaCha8. Lower case, because tokens of SIP are compared without
// case (RFC 3261 §7.3.1). The slot says which shard owns a call, whatever the number of shards:
// shard = slot mod n. A Source belongs to one shard.
package ident

import (
	"math/rand/v2"
	"slices"
)

// Slots is the number of slots that calls are spread over.
const Slots = 1 << 12

// Cookie starts every branch parameter (RFC 3261 §8.1.1.7).
const Cookie = "z9hG4bK"

const (
	alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	mark     = "td-" // starts a Call-ID of ours
	body     = 21
)

// Source makes identifiers for one node from a seeded generator.
type Source struct {
	rng  *rand.ChaCha8
	node uint16
}

// NewSource returns a source. The seed comes from crypto/rand in a running engine and from the
// test in a simulated one. Of node, the low ten bits are used.
func NewSource(seed [32]byte, node uint16) *Source {
	return &Source{rng: rand.NewChaCha8(seed), node: node & 0x3ff}
}

// Uint64 returns 64 random bits.
func (s *Source) Uint64() uint64 { return s.rng.Uint64() }

// AppendCallID appends a Call-ID that carries slot.
func (s *Source) AppendCallID(dst []byte, slot uint16) []byte {
	return s.append(append(slices.Grow(dst, len(mark)+body), mark...), slot)
}

// AppendTag appends a From or To tag.
func (s *Source) AppendTag(dst []byte, slot uint16) []byte { return s.append(dst, slot) }

// AppendBranch appends a Via branch with its cookie.
func (s *Source) AppendBranch(dst []byte, slot uint16) []byte {
	return s.append(append(slices.Grow(dst, len(Cookie)+body), Cookie...), slot)
}

func (s *Source) append(dst []byte, slot uint16) []byte {
	dst = slices.Grow(dst, body)
	dst = append(dst, alphabet[slot>>10&31], alphabet[slot>>5&31], alphabet[slot&31],
		alphabet[s.node>>5&31], alphabet[s.node&31])
	for range 2 {
		r := s.rng.Uint64()
		for range 8 {
			dst = append(dst, alphabet[r&31])
			r >>= 5
		}
	}
	return dst
}

// Slot returns the slot of a Call-ID: the one it carries if it is ours, else its hash. It is
// total, so every datagram has an owner.
func Slot(callID []byte) uint16 {
	if len(callID) == len(mark)+body && string(callID[:len(mark)]) == mark {
		if s, ok := decode(callID[len(mark):]); ok {
			return s
		}
	}
	// FNV-1a: the same in every process, so that a restarted engine finds the same slot.
	h := uint64(14695981039346656037)
	for _, c := range callID {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return uint16((h ^ h>>12 ^ h>>24 ^ h>>36 ^ h>>48) % Slots)
}

func decode(b []byte) (uint16, bool) {
	var v uint16
	for i, c := range b {
		var d uint16
		switch {
		case c >= 'a' && c <= 'z':
			d = uint16(c - 'a')
		case c >= '2' && c <= '7':
			d = uint16(c-'2') + 26
		default:
			return 0, false
		}
		if i < 3 {
			v = v<<5 | d
		}
	}
	return v, v < Slots
}
