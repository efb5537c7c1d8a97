package lookup

import (
	"math/bits"
	"slices"
	"strings"
)

// trie finds the longest key that a number begins with. Its edges are halves of bytes; where there is nothing to choose it has
// no node, so that it has at most two nodes a key, and as many steps as there are choices on the way.
type trie struct {
	keys  []string // sorted
	up    []int32  // the longest other key that a key begins with
	nodes []node
}

// node is a point where keys part. The keys below it are alike up to depth halves of bytes.
type node struct {
	depth    uint16
	children uint16 // which halves go on
	first    uint32 // node of the first child; the others follow
	key      int32  // the longest key that ends at the node or before
	below    int32  // some key at or below the node
}

const none int32 = -1

// newTrie makes a trie of keys that are sorted and differ.
func newTrie(keys []string) *trie {
	t := &trie{keys: keys, up: make([]int32, len(keys)), nodes: make([]node, 1, 2*len(keys)+1)}
	if len(keys) == 0 {
		t.nodes[0] = node{key: none, below: none}
		return t
	}
	t.build(0, 0, len(keys), none)
	return t
}

// build makes node i of keys lo to hi; key is the longest that all of them begin with.
func (t *trie) build(i uint32, lo, hi int, key int32) {
	depth := common(t.keys[lo], t.keys[hi-1])
	n := node{depth: uint16(depth), below: int32(lo), key: key}
	if 2*len(t.keys[lo]) == depth {
		t.up[lo] = key
		n.key, key = int32(lo), int32(lo)
		lo++
	}
	var parts [17]int
	count := 0
	for at := lo; at < hi; count++ {
		h := half(t.keys[at], depth)
		n.children |= 1 << h
		parts[count] = at
		for at < hi && half(t.keys[at], depth) == h {
			at++
		}
	}
	parts[count] = hi
	n.first = uint32(len(t.nodes))
	t.nodes[i] = n
	t.nodes = append(t.nodes, make([]node, count)...)
	for c := range count {
		t.build(n.first+uint32(c), parts[c], parts[c+1], key)
	}
}

// half returns one half of a byte of s; there is one.
func half(s string, i int) uint8 {
	if i%2 == 0 {
		return s[i/2] >> 4
	}
	return s[i/2] & 15
}

// common returns how many halves of bytes two strings begin with alike.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if x := a[i] ^ b[i]; x != 0 {
			if x < 16 {
				return 2*i + 1
			}
			return 2 * i
		}
	}
	return 2 * n
}

// find returns the longest key that s begins with, none if there is none.
func (t *trie) find(s string) int32 {
	n := &t.nodes[0]
	for int(n.depth) < 2*len(s) {
		bit := uint16(1) << half(s, int(n.depth))
		if n.children&bit == 0 {
			break
		}
		n = &t.nodes[n.first+uint32(bits.OnesCount16(n.children&(bit-1)))]
	}
	k := n.key
	if n.below == none || k == none {
		return none
	}
	// What lies between the nodes has not been compared yet: keys that are longer than what s has of it do not count.
	for alike := common(s, t.keys[n.below]); k != none && 2*len(t.keys[k]) > alike; {
		k = t.up[k]
	}
	return k
}

// position returns the place of a key, and whether it is there.
func (t *trie) position(key string) (int, bool) {
	return slices.BinarySearchFunc(t.keys, key, strings.Compare)
}
