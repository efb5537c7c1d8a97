package plan

import (
	"testing"

	"tandem/engine/location"
)

// user is a step for user 100.
func user(opts ...option) *Node {
	return build(&Node{Kind: KindTarget, Target: &Target{URI: "user:100", Key: "user:100", User: "100", Registrant: "100"}}, opts)
}

func byQ(n *Node) { n.Target.ByQ = true }

// registeredAs runs a plan where user 100 has contacts, the names of which have their q behind a colon.
func registeredAs(t *testing.T, n *Node, contacts ...string) *rig {
	r := newRig(t, Limits{})
	r.contacts = map[string][]*location.Binding{"100": bindings(contacts...)}
	return r.start(n)
}

func bindings(names ...string) (list []*location.Binding) {
	for i, name := range names {
		uri := "sip:" + name + "@192.0.2.1"
		list = append(list, &location.Binding{URI: uri, Key: uri, AOR: "sip:100@pbx.example", CallID: name, Q: 1000 - 100*(i/2)})
	}
	return list
}

// "user:NAME is one step: all its contacts ring together; one contact's 486 does not stop the others; it fails once, by best response."
func TestUserIsOneStep(t *testing.T) {
	r := registeredAs(t, user(name("desk")), "a", "b", "c").final("a", 486).at(1).ringing("b").at(3).final("b", 480).final("c", 404)
	r.asked("1 ringing 100 0", "3 busy 100 486").want("0 invite a", "0 invite b", "0 invite c", "3 respond 486 of a")
	if s := r.e.Best(); s.Name != "desk" || s.Target.User != "100" || s.Group != "" || s.Attempt != 1 {
		t.Errorf("failed step %+v", s)
	}
}

// "order = q: by descending q": those of equal q together.
func TestUserByQ(t *testing.T) {
	registeredAs(t, user(byQ), "a", "b", "c").final("a", 404).at(1).final("b", 486).at(2).final("c", 480).
		asked("2 busy 100 486").want("0 invite a", "0 invite b", "1 invite c", "2 respond 486 of b")
	registeredAs(t, user(byQ), "a").final("a", 404).asked("0 offline 100 404")
}

// "offline: no binding": at once. So it goes on where the plan goes on.
func TestUserOffline(t *testing.T) {
	r := registeredAs(t, serial(user(name("desk")), to("vm")))
	r.asked("0 offline 100 480").want("0 invite vm")
	if s := r.last; s.Target == nil || s.Target.User != "100" || s.Name != "desk" || !s.Synthetic || s.Outcome != Offline {
		t.Errorf("failed step %+v", s)
	}
	registeredAs(t, user()).want("0 respond 480")
	registeredAs(t, user(on(Offline, to("vm")))).want("0 invite vm")
	registeredAs(t, parallel(user(), to("200"))).asked().want("0 invite 200")
}

// Its own edges are asked once, as those of a target; inside a parallel group nobody else is.
func TestUserAsks(t *testing.T) {
	registeredAs(t, user(on(Busy, to("vm"))), "a", "b").final("a", 486).at(1).final("b", 486).
		asked().want("0 invite a", "0 invite b", "1 invite vm")
	registeredAs(t, parallel(user(), to("200")), "a", "b").final("a", 486).final("b", 486).asked().want("0 invite a", "0 invite b", "0 invite 200")
	registeredAs(t, serial(user(), to("200")), "a").at(2).final("a", 486).asked("2 busy 100 486").want("0 invite a", "2 invite 200")
	r := newRig(t, Limits{})
	r.contacts = map[string][]*location.Binding{"100": bindings("a", "b")}
	r.on[NoAnswer] = func(s *Step) *Node {
		if s.Attempt > 1 {
			return nil
		}
		return user(ring(5))
	}
	r.start(user(ring(20))).ringing("a").at(20).want("0 invite a", "0 invite b", "20 cancel a", "20 cancel b", "20 invite a", "20 invite b")
	r.ringing("b").at(25).asked("0 ringing 100 0", "20 no_answer 100 480", "20 ringing 100 0", "25 no_answer 100 480")
}

// `ring` and `delay` are those of the step; without any each contact has Timer C.
func TestUserTimes(t *testing.T) {
	registeredAs(t, user(ring(20)), "a", "b").at(20).asked("20 timeout 100 480").
		want("0 invite a", "0 invite b", "20 cancel a", "20 cancel b", "20 respond 480")
	registeredAs(t, parallel(to("200"), user(delay(5))), "a").at(5).want("0 invite 200", "5 invite a")
	registeredAs(t, user(), "a").at(181).asked("181 timeout 100 408")
	registeredAs(t, parallel(user()).with(ring(9)), "a", "b").ringing("a").at(9).
		want("0 invite a", "0 invite b", "9 cancel a", "9 cancel b", "9 respond 480")
}

// The first 2xx wins; a caller that gives up ends all.
func TestUserAnswers(t *testing.T) {
	registeredAs(t, user(), "a", "b", "c").final("a", 486).at(1).answer("b").want("0 invite a", "0 invite b", "0 invite c", "1 answer b", "1 cancel c elsewhere")
	registeredAs(t, user(), "a", "b").at(1).cancel().want("0 invite a", "0 invite b", "1 cancel a caller", "1 cancel b caller")
}

// A 6xx of a contact is the user's: the other contacts stop ringing, its own edges are asked, and without one the plan ends. By on_6xx = "branch" it
// is that contact's alone.
func TestUserDeclines(t *testing.T) {
	registeredAs(t, serial(user(), to("vm")), "a", "b").at(1).final("a", 603).asked().want("0 invite a", "0 invite b", "1 cancel b", "1 respond 603 of a")
	registeredAs(t, parallel(user(), to("200")), "a", "b").at(1).final("a", 603).asked().
		want("0 invite a", "0 invite b", "0 invite 200", "1 cancel b", "1 cancel 200", "1 respond 603 of a")
	registeredAs(t, user(on(Rejected, to("vm"))), "a", "b").at(1).final("a", 603).asked().want("0 invite a", "0 invite b", "1 cancel b", "1 invite vm")
	registeredAs(t, serial(user(sixBranch), to("vm")), "a", "b").at(1).final("a", 603).at(2).final("b", 486).
		asked("2 rejected 100 603").want("0 invite a", "0 invite b", "2 invite vm")
}

// A 3xx of a contact is asked about as that of a target; what is followed rings in its place and is no registered contact.
func TestUserRedirected(t *testing.T) {
	r := registeredAs(t, user(follows), "a", "b").final("a", 302, contact("x", 1000))
	r.asked("0 redirected 100 302").want("0 invite a", "0 invite b", "0 invite x")
	if x := r.e.Branch(3).Target; x.Registered || x.Binding != nil || x.User != "x" {
		t.Errorf("followed %+v", x)
	}
	r.at(1).final("x", 404).final("b", 480).asked("0 redirected 100 302", "1 offline 100 480")
}

// A contact that rings already is not rung again, and a user all of whose contacts do is skipped.
func TestUserRingsAlready(t *testing.T) {
	same := to("a")
	registeredAs(t, parallel(same, user()), "a", "b").want("0 invite a", "0 invite b")
	registeredAs(t, parallel(user(), user()), "a", "b").final("a", 486).final("b", 486).want("0 invite a", "0 invite b", "0 respond 486 of a")
}

// Options of the step, and those that a group gives, are those of all contacts.
func TestUserOptions(t *testing.T) {
	group := parallel(user(headers(Header{Name: "X", Value: "1"}))).with(each(Each{Target: Target{Prack: PrackOff}, Ring: sec(7)}))
	r := registeredAs(t, group, "a", "b")
	for id := BranchID(1); id <= 2; id++ {
		u := r.e.Branch(id).Target
		if !u.Registered || u.Binding == nil || u.Registrant != "" || u.Prack != PrackOff || len(u.Headers) != 1 || u.URI != u.Binding.URI {
			t.Errorf("contact %+v", u)
		}
	}
	r.at(7).want("0 invite a", "0 invite b", "7 cancel a", "7 cancel b", "7 respond 480")
}

// RFC 5393 §5.3: contacts count as branches; those for which there is no room wait.
func TestUserBreadth(t *testing.T) {
	r := newRig(t, Limits{Breadth: 2})
	r.contacts = map[string][]*location.Binding{"100": bindings("a", "b", "c")}
	r.start(user()).want("0 invite a", "0 invite b").final("a", 486).want("0 invite a", "0 invite b", "0 invite c")
}

// A user that diverts is named by where it is registered; one that is registered nowhere, by its name.
func TestUserDiverts(t *testing.T) {
	divert := func(n *Node) *Node { return &Node{Kind: KindSerial, Members: []*Node{n}, Divert: &Divert{}} }
	for want, contacts := range map[string][]string{"sip:100@pbx.example": {"a", "b"}, "100": nil} {
		r := registeredAs(t, divert(serial(user(), divert(to("vm")))), contacts...)
		for _, c := range contacts {
			r.final(c, 486)
		}
		a := r.every[len(r.every)-1]
		if a.Kind != ActInvite || len(a.Diverted) != 2 || a.Diverted[1].By != want {
			t.Errorf("%v: got %+v, want the last diversion by %q", contacts, a, want)
		}
	}
}

func BenchmarkUser(b *testing.B) {
	n, list := user(), bindings("a", "b", "c")
	b.ReportAllocs()
	for b.Loop() {
		e := NewExecutor(listed{bindings: list}, Limits{})
		if len(e.Start(0, n)) != 3 {
			b.Fatal("three contacts ring")
		}
	}
}

type listed struct {
	silent
	bindings []*location.Binding
}

func (l listed) Contacts(string) []*location.Binding { return l.bindings }
