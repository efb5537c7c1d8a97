package engine

import (
	"encoding/binary"

	"tandem/engine/flow"
	"tandem/engine/guard"
)

// What is read and written of STUN (RFC 5389 §6, §15.2).
const (
	stunHeader   = 20
	stunCookie   = 0x2112A442
	stunRequest  = 0x0001 // Binding
	stunResponse = 0x0101
	stunAddress  = 0x0020 // XOR-MAPPED-ADDRESS
)

// keepAlive answers a datagram that asks by STUN, and reports whether it is one: the first octet tells it from SIP. Phones that have registered by RFC 5626 over UDP ask so whether the flow is
// up and their NAT gives them the same address still (§8). Whoever asks is answered: with the headers of IP and UDP 60 octets for 48, 92 for 68 over IPv6, which is no amplification to speak of.
func (sh *Shard) keepAlive(f flow.Flow, b []byte) bool {
	if len(b) == 0 || b[0] > 1 || f.Transport != flow.UDP || sh.cfg.Register == nil || !isBindingRequest(b) {
		return false
	}
	if sh.guard != nil && sh.cfg.Guard.Look(f.Listener, f.Remote.Addr()) != guard.Allowed && !sh.guard.Spend(sh.now, f.Remote.Addr()) {
		sh.ban(f, guard.TooMany)
		return true
	}
	sh.buf = appendBindingResponse(sh.buf[:0], b[8:stunHeader], f)
	sh.stats.Sent++
	sh.out.Send(f, sh.buf)
	return true
}

func isBindingRequest(b []byte) bool {
	return len(b) >= stunHeader && len(b)%4 == 0 && binary.BigEndian.Uint16(b) == stunRequest && int(binary.BigEndian.Uint16(b[2:])) == len(b)-stunHeader &&
		binary.BigEndian.Uint32(b[4:]) == stunCookie
}

// appendBindingResponse appends what says to a transaction where its request came from.
func appendBindingResponse(dst, transaction []byte, f flow.Flow) []byte {
	addr, family := f.Remote.Addr().AsSlice(), byte(1)
	if f.Remote.Addr().Is6() {
		family = 2
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, stunResponse)
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+4+len(addr)))
	dst = append(binary.BigEndian.AppendUint32(dst, stunCookie), transaction...)
	mask := dst[start+4 : start+stunHeader] // the cookie and the transaction
	dst = binary.BigEndian.AppendUint16(dst, stunAddress)
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+len(addr)))
	dst = binary.BigEndian.AppendUint16(append(dst, 0, family), f.Remote.Port()^stunCookie>>16)
	for i, c := range addr {
		dst = append(dst, c^mask[i])
	}
	return dst
}
