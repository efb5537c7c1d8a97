package transaction

import (
	"testing"

	"tandem/engine/flow"
)

// Every transition of RFC 3261 figure 8.
func TestPlainServer(t *testing.T) {
	playAll(t, []transcript{
		{name: "answered at once: Timer J, copies get the answer", script: `
			0    < OPTIONS
			0    = Trying
			0    ! request OPTIONS
			0.1  < OPTIONS
			0.2  respond 200
			0.2  > 200
			0.2  = Completed
			0.5  < OPTIONS
			0.5  > 200
			0.6  respond 404
			0.6  respond 100
			0.6  resend
			31   < OPTIONS
			31   > 200
			32.2 = Terminated
			33   < OPTIONS
			33   = Trying
			33   ! request OPTIONS
			33   forget
			33   = Terminated`},
		{name: "answered, reliable: Timer J is 0", transport: flow.TCP, script: `
			0    < OPTIONS
			0    = Trying
			0    ! request OPTIONS
			0.2  respond 500
			0.2  > 500
			0.2  = Terminated`},
		{name: "no provisional but 100", script: `
			0    < FOO
			0    = Trying
			0    ! request FOO
			1    respond 180
			1    respond 101
			3.5  respond 100
			3.5  > 100
			3.5  = Proceeding
			4    < FOO
			4    > 100
			4.1  respond 183
			4.2  respond 100
			4.2  > 100
			5    respond 404
			5    > 404
			5    = Completed
			6    < FOO
			6    > 404
			37   = Terminated`},
		{name: "a transport error does not end it", script: `
			0    < BYE
			0    = Trying
			0    ! request BYE
			0.2  respond 200
			0.2  > 200
			0.2  = Completed
			0.2  error
			0.5  < BYE
			0.5  > 200
			32.2 = Terminated`},
		{name: "never answered: it waits until it is forgotten", script: `
			0    < MESSAGE
			0    = Trying
			0    ! request MESSAGE
			32   < MESSAGE
			40   forget
			40   = Terminated
			40   respond 200`},
		{name: "no such status", script: `
			0    < BYE
			0    = Trying
			0    ! request BYE
			0    respond 99
			0    respond 700
			0    forget
			0    = Terminated`},
	})
}

// RFC 3261 §17.2.3: however often it comes, a request is new once.
func TestFlood(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS"} {
		r := newRig(t, flow.UDP)
		m := parse(t, request(method))
		told := 0
		r.inUser = func(string) { told++ }
		for range 5000 {
			r.layer.Receive(r.now, m, r.flow)
		}
		if told != 1 || len(r.sent) != 0 {
			t.Errorf("%s: told %d times, sent %d", method, told, len(r.sent))
		}
		r.server.Respond(r.now, 100, answer(100))
		for range 5000 {
			r.layer.Receive(r.now, m, r.flow)
		}
		if told != 1 || len(r.sent) != 5001 || r.layer.Counters.RequestsRepeated != 9999 {
			t.Errorf("%s: told %d times, sent %d, counted %d", method, told, len(r.sent), r.layer.Counters.RequestsRepeated)
		}
		r.server.Forget()
		r.empty()
	}
}
