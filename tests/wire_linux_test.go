package tests

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tandem/engine/clock"
)

// faults are what a wire does to a packet, as probabilities and times.
type faults struct {
	loss, late, twice float64
	delay, behind     time.Duration // of every packet, and of a late one on top: what is sent meanwhile overtakes it
}

// wire joins hosts, each of which is a network namespace: it takes IP packets from their TUN devices and gives them to others.
// Nothing of it is seen outside.
type wire struct {
	faults
	mu                  sync.Mutex
	rng                 *rand.Rand
	hosts               map[netip.Addr]*machine
	sent, lost, doubled int
	overtaken           int
	next, newest        map[[2]netip.Addr]int // the number of the next packet of a path, and the newest that arrived
	clock               *clock.Wall
	heap                clock.Heap // of the packets under way
	wake                chan struct{}
	readers             sync.WaitGroup
}

// packet is an IP packet under way.
type packet struct {
	clock.Timer
	w     *wire
	to    *machine
	path  [2]netip.Addr
	n     int
	bytes []byte
}

// machine is a host on a wire.
type machine struct {
	addr netip.Addr
	ns   *os.File
	tun  *os.File
}

func newWire(t *testing.T, seed uint64, f faults) *wire {
	t.Helper()
	w := &wire{
		faults: f, rng: rand.New(rand.NewPCG(seed, 0)),
		clock: clock.NewWall(), wake: make(chan struct{}, 1),
		hosts: map[netip.Addr]*machine{}, next: map[[2]netip.Addr]int{}, newest: map[[2]netip.Addr]int{},
	}
	ended, done := make(chan struct{}), make(chan struct{})
	go func() { defer close(done); w.run(ended) }()
	t.Cleanup(func() {
		w.readers.Wait()
		close(ended)
		<-done
	})
	return w
}

// attach makes a host. Without the right to make namespaces the test is skipped where nobody can expect it, else it fails.
func (w *wire) attach(t *testing.T, addr string) *machine {
	t.Helper()
	m := &machine{addr: netip.MustParseAddr(addr)}
	err := elsewhere(nil, func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return m.open()
	})
	if errors.Is(err, unix.EPERM) && os.Geteuid() != 0 {
		t.Skipf("a network namespace needs CAP_NET_ADMIN and CAP_SYS_ADMIN: run the test as root (%v)", err)
	}
	if err != nil {
		t.Fatalf("no network namespace with a TUN device can be made, which needs CAP_NET_ADMIN, CAP_SYS_ADMIN and /dev/net/tun: %v", err)
	}
	w.mu.Lock()
	w.hosts[m.addr] = m
	w.mu.Unlock()
	w.readers.Go(func() { w.read(m) })
	t.Cleanup(func() { m.tun.Close(); m.ns.Close() })
	return m
}

// elsewhere runs fn in a namespace, or in one that it makes itself, and comes back.
func elsewhere(ns *os.File, fn func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread() // else the thread ends with the goroutine
		}
		home.Close()
	}()
	if ns != nil {
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("setns", err)
		}
	}
	return fn()
}

// within runs fn on the host: the sockets and programs that it opens and starts stay there.
func (m *machine) within(t *testing.T, fn func()) {
	t.Helper()
	if err := elsewhere(m.ns, func() error { fn(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// open makes the TUN device of the namespace that the thread is in.
func (m *machine) open() error {
	var err error
	if m.ns, err = os.Open("/proc/thread-self/ns/net"); err != nil {
		return err
	}
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("open /dev/net/tun", err)
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	for _, step := range []struct {
		fd, request int
		set         func(*unix.Ifreq) error
	}{
		{tun, unix.TUNSETIFF, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI); return nil }},
		{s, unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(m.addr.AsSlice()) }},
		{s, unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 255, 0}) }},
		{s, unix.SIOCSIFFLAGS, func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }},
	} {
		r, err := unix.NewIfreq("wire0")
		if err == nil {
			err = step.set(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(step.fd, uint(step.request), r)
		}
		if err != nil {
			_ = unix.Close(tun)
			return os.NewSyscallError("ioctl", err)
		}
	}
	m.tun = os.NewFile(uintptr(tun), "tun") // only now is it a device that can be waited for
	return nil
}

// read takes what a host sends until its device is closed.
func (w *wire) read(from *machine) {
	for b := make([]byte, 65536); ; {
		n, err := from.tun.Read(b)
		if err != nil {
			return
		}
		if n >= 20 && b[0]>>4 == 4 { // IPv4; what else there is are the kernel's own words
			w.carry(append([]byte(nil), b[:n]...))
		}
	}
}

// carry does to a packet what the wire does.
func (w *wire) carry(b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	path := [2]netip.Addr{netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))} // RFC 791 §3.1
	to := w.hosts[path[1]]
	if to == nil {
		return
	}
	w.sent++
	w.next[path]++
	if w.rng.Float64() < w.loss {
		w.lost++
		return
	}
	p := packet{w: w, to: to, path: path, n: w.next[path], bytes: b}
	w.send(p)
	if w.rng.Float64() < w.twice {
		w.doubled++
		w.send(p)
	}
}

func (w *wire) send(p packet) {
	delay := w.delay
	if w.rng.Float64() < w.late {
		delay += w.behind
	}
	p.Owner = &p
	w.heap.Arm(&p.Timer, w.clock.Now().Add(delay))
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Fire lets a packet arrive; the wire is locked.
func (p *packet) Fire(clock.Time, uint8) {
	newest := p.w.newest[p.path]
	if p.n < newest {
		p.w.overtaken++
	}
	p.w.newest[p.path] = max(newest, p.n)
	_, _ = p.to.tun.Write(p.bytes) // a host that is gone hears nothing
}

// run lets packets arrive in time until ended.
func (w *wire) run(ended chan struct{}) {
	for {
		w.mu.Lock()
		w.heap.Run(w.clock.Now())
		next, some := w.heap.Next()
		w.mu.Unlock()
		wait := time.Hour
		if some {
			wait = next.Sub(w.clock.Now())
		}
		select {
		case <-ended:
			return
		case <-w.wake:
		case <-time.After(wait):
		}
	}
}
