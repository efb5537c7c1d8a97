package luaapi

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"tandem/engine"
	"tandem/engine/flow"
	"tandem/engine/message"
	"tandem/engine/plan"
)

// fakeCall is a call as the engine shows it.
type fakeCall struct {
	id        string
	invite    *message.Message
	source    flow.Flow
	date      time.Time
	best      *plan.Step
	round     int
	pending   int
	data      any
	progress  []string // what Progress was asked for
	hangups   []string
	moved     *vm // what Move was given
	trusted   bool
	emergency bool
	user      string
	refuse    error  // what Progress returns
	onHangup  func() // what Hangup does besides
}

func (c *fakeCall) ID() string                { return c.id }
func (c *fakeCall) Request() *message.Message { return c.invite }
func (c *fakeCall) Source() flow.Flow         { return c.source }
func (c *fakeCall) Emergency() bool           { return c.emergency }
func (c *fakeCall) User() string              { return c.user }
func (c *fakeCall) Trusted() bool             { return c.trusted }
func (c *fakeCall) Date() time.Time           { return c.date }
func (c *fakeCall) Best() *plan.Step          { return c.best }
func (c *fakeCall) Round() int                { return c.round }
func (c *fakeCall) Pending() int              { return c.pending }
func (c *fakeCall) Data() any                 { return c.data }
func (c *fakeCall) SetData(v any)             { c.data = v }
func (c *fakeCall) Move(to engine.Script)     { c.moved = to.(*vm) }

func (c *fakeCall) Progress(code int, headers []plan.Header) error {
	text := message.Phrase(code)
	for _, h := range headers {
		text += " " + h.Name + "=" + h.Value
	}
	c.progress = append(c.progress, text)
	return c.refuse
}

func (c *fakeCall) Hangup(phrase string) {
	c.hangups = append(c.hangups, phrase)
	if c.onHangup != nil {
		c.onHangup()
	}
}

const inviteText = "INVITE sip:100@pbx.example;user=phone SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Alice \\\"A\\\" Smith\" <sip:alice%20a@Example.net:5070;Transport=tcp;lr>;tag=88\r\n" +
	"To: <sip:100@pbx.example>\r\n" +
	"Call-ID: c1@example.net\r\n" +
	"CSeq: 1 INVITE\r\n" +
	"Contact: <sip:alice@192.0.2.1>\r\n" +
	"Diversion: <sip:1@h>;reason=unconditional, <sip:2@h>\r\n" +
	"X-Tag: one\r\n" +
	"x-tag: two\r\n" +
	"s: hello\r\n" +
	"Content-Length: 0\r\n\r\n"

func parseMessage(t testing.TB, text string) *message.Message {
	t.Helper()
	var m message.Message
	if err := m.Parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return &m
}

func newCall(t testing.TB) *fakeCall {
	t.Helper()
	return &fakeCall{
		id: "c1@example.net", invite: parseMessage(t, inviteText),
		source: flow.Flow{Remote: netip.MustParseAddrPort("192.0.2.1:5060"), Transport: flow.TCP},
		date:   time.Date(2026, 11, 23, 10, 15, 30, 0, time.FixedZone("CET", 3600)),
	}
}

// rig is a host that serves a script from memory, and what it logs.
type rig struct {
	*Host
	t    testing.TB
	logs *observer.ObservedLogs
}

func seeded(generation uint64, shard int) rand.Source { return rand.NewPCG(generation, uint64(shard)) }

func memory(files ...string) *Snapshot {
	m, data := make(map[string][]byte), make(map[string][]byte)
	for i := 0; i < len(files); i += 2 {
		if strings.HasSuffix(files[i], ".lua") {
			m[files[i]] = []byte(files[i+1])
		} else {
			data[files[i]] = []byte(files[i+1])
		}
	}
	return newSnapshot("main.lua", m, data)
}

// serve loads a main.lua and other files, given as path and text.
func serve(t testing.TB, main string, files ...string) *rig {
	t.Helper()
	r, err := try(t, Options{}, append([]string{"main.lua", main}, files...)...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func try(t testing.TB, opt Options, files ...string) (*rig, error) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	opt.Logger = zap.New(core)
	if opt.Random == nil {
		opt.Random = seeded
	}
	h, err := NewHost(memory(files...), opt)
	logs.TakeAll()
	return &rig{Host: h, t: t, logs: logs}, err
}

// script makes a script out of the body of functions and fields of `route`.
func script(body string) string {
	return "local plan = require 'plan'\nlocal log = require 'log'\nlocal route = {}\n" + body + "\nreturn route\n"
}

// logged returns what was logged since the last time, one line a record.
func (r *rig) logged() string {
	var lines []string
	for _, e := range r.logs.TakeAll() {
		lines = append(lines, e.Level.String()+" "+e.Message)
	}
	return strings.Join(lines, "\n")
}

// vm returns the script of shard 0.
func (r *rig) vm() *vm {
	v := r.Acquire(0, nil).(*vm)
	v.Release(nil)
	return v
}

// eval returns what an invite handler logs with print: "local x = … print(x)".
func eval(t testing.TB, body string) string {
	t.Helper()
	r := serve(t, "local plan = require 'plan'\nreturn { invite = function(call)\n"+body+"\nend }")
	r.vm().Invite(newCall(t))
	return r.logged()
}
