package seeds

import "time"

func (d drawer) phone() (p phoneSpec) {
	if d.one(5) {
		p.Weather = d.weather()
	}
	for range 1 + d.IntN(2) {
		p.Does = append(p.Does, d.behaviour())
	}
	switch d.IntN(20) {
	case 0:
		p.RefuseAt = 1
	case 1:
		p.RefuseAt = d.span(1, 30*time.Second)
	case 2:
		p.RestartAt = d.span(1, 40*time.Second)
	case 3:
		p.Lookup = d.span(1, pick(d, 10*time.Millisecond, 3*time.Second))
		p.Unknown = d.one(3)
	case 4:
		p.Does = nil
	}
	return p
}

func (d drawer) wait() time.Duration {
	return d.span(0, pick(d, time.Millisecond, 100*time.Millisecond, 3*time.Second, 20*time.Second))
}

func (d drawer) behaviour() behaviour {
	b := behaviour{Talk: d.talk(false)}
	if d.one(3) {
		b.Cancelled = pick(d, ignores, crosses, crosses, refuses, sleeps)
	}
	if d.one(3) {
		b.Slow = d.wait()
	}
	if d.one(3) {
		b.Acts = append(b.Acts, act{Code: 100})
	}
	for d.one(2) {
		b.Acts = append(b.Acts, act{Wait: d.wait(), Code: pick(d, 180, 180, 180, 183, 181, 199), SDP: d.one(3), Tag: d.fork(), Reliable: d.one(3)})
	}
	if !d.one(6) {
		b.Acts = append(b.Acts, d.final())
	}
	if n := len(b.Acts); n > 0 && b.Acts[n-1].Code == 422 { // what comes of the INVITE that is sent again
		if d.one(2) {
			b.Acts = append(b.Acts, act{Wait: d.wait(), Code: pick(d, 180, 183), SDP: d.one(2), Reliable: d.one(3)})
		}
		b.Acts = append(b.Acts, d.final())
	}
	for d.one(6) { // what nobody should say after a final response
		b.Acts = append(b.Acts, act{Wait: d.wait(), Code: pick(d, 200, 200, 180, 486, 503), Tag: d.fork()})
	}
	for i := range b.Acts {
		if d.one(20) {
			b.Acts[i].Wrong = wrong(1 + d.IntN(int(stranger)))
		}
	}
	return b
}

// fork returns the dialog of a callee: mostly the first.
func (d drawer) fork() int {
	if d.one(5) {
		return 1 + d.IntN(2)
	}
	return 0
}

func (d drawer) final() act {
	a := act{Wait: d.wait(), Code: 200, Tag: d.fork()}
	switch d.IntN(6) {
	case 0:
		a.Code = pick(d, 486, 480, 404, 403, 408, 487, 410, 415, 420, 484, 430)
	case 1:
		a.Code = pick(d, 401, 407, 500, 503, 600, 603, 606, 488)
	case 2:
		a.Code = pick(d, 302, 301, 300)
		a.Contacts = d.contacts()
	case 3:
		if d.one(3) {
			a.Code = 422
		}
	}
	return a
}

func (d drawer) talk(caller bool) (t talk) {
	if caller && !d.one(12) || d.one(4) {
		t.Bye = d.span(0, pick(d, 10*time.Millisecond, 2*time.Second, 40*time.Second))
	}
	if d.one(4) {
		t.Reason = pick(d, "Q.850;cause=16", `SIP;cause=200;text="Call completed elsewhere"`)
	}
	t.NoAck = d.one(20)
	if d.one(12) {
		t.AckLate = d.span(0, pick(d, time.Second, 40*time.Second))
	}
	for d.one(4) {
		t.Asks = append(t.Asks, d.ask())
	}
	for d.one(4) {
		t.Replies = append(t.Replies, d.reply())
	}
	t.Deaf = d.one(30)
	return t
}

func (d drawer) ask() ask {
	a := ask{
		At: d.wait(), Method: pick(d, "INVITE", "INVITE", "INVITE", "INFO", "MESSAGE", "OPTIONS", "UPDATE", "FOO", "PUBLISH"), NoSDP: d.one(3),
		NoAck: d.one(15), OldSeq: d.one(15), BadTag: d.one(15),
	}
	if a.Method == "INVITE" && d.one(4) {
		a.Cancel = d.wait()
	}
	return a
}

func (d drawer) reply() (r reply) {
	r.Silent, r.Ring = d.one(5), d.one(4)
	if d.one(2) {
		r.After = d.wait()
	}
	if d.one(3) {
		r.Code = pick(d, 401, 488, 491, 481, 500, 603)
	}
	return r
}
