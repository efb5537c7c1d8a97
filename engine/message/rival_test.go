package message

import (
	"strings"
	"testing"

	"github.com/emiago/sipgo/sip"
)

// TestWhereSipgoErrs has a case for every known defect of sipgo v1.7.2's parser and message model, to show that it is none
// of ours.
func TestWhereSipgoErrs(t *testing.T) {
	const topVia = "SIP/2.0/UDP a.example.com:5070;branch=z9hG4bKa1;rport"
	vias := func(m *Message) (all []string) {
		m.Each(Via, func(e []byte) bool {
			v, err := parseVia(e)
			if err != nil {
				t.Errorf("%s: %v", e, err)
			}
			all = append(all, string(v.Transport)+" "+string(AppendUint(append(v.Host[:len(v.Host):len(v.Host)], ':'), v.Port))+" "+string(v.Branch))
			return true
		})
		return all
	}
	for _, c := range []struct {
		name, old, new string
		got            func(m *Message) string
		want           string
	}{
		{
			"Via: white space before the semicolon and after the comma", topVia,
			"SIP/2.0/UDP h:5060 ;branch=z9hG4bKx, SIP/2.0/TCP g ; branch=z9hG4bKy",
			func(m *Message) string { return strings.Join(vias(m), "|") },
			"UDP h:5060 z9hG4bKx|TCP g:0 z9hG4bKy|TCP b.example.com:0 z9hG4bKb2",
		},
		{
			"Via: a comma list without parameters", topVia, "SIP/2.0/UDP h,SIP/2.0/TCP g",
			func(m *Message) string { return strings.Join(vias(m), "|") },
			"UDP h:0 |TCP g:0 |TCP b.example.com:0 z9hG4bKb2",
		},
		{
			"Via: a quoted comma in a parameter", topVia, `SIP/2.0/UDP h;x="a,b;c";branch=z9hG4bKx`,
			func(m *Message) string { return strings.Join(vias(m), "|") },
			"UDP h:0 z9hG4bKx|TCP b.example.com:0 z9hG4bKb2",
		},
		{
			"parameter names: Branch", "branch=z9hG4bKa1", "Branch=z9hG4bKx",
			func(m *Message) string { return string(m.TopVia().Branch) }, "z9hG4bKx",
		},
		{
			"parameter names: RPORT", "rport", "RPORT",
			func(m *Message) string { return m.ReplyAddr(source).String() }, source.String(),
		},
		{
			"parameter names: TAG", "tag=from1", "TAG=from1",
			func(m *Message) string { return string(m.FromTag()) }, "from1",
		},
		{
			"parameter names: LR", ";lr", ";LR",
			func(m *Message) string {
				na, _ := ParseNameAddr(firstElement(m, Route))
				u, _ := ParseURI(na.URI)
				_, ok := Param(u.Params, "lr")
				return map[bool]string{true: "loose", false: "strict"}[ok]
			}, "loose",
		},
		{
			"parameters: white space round the equals sign", ";tag=from1", " ; tag = from1",
			func(m *Message) string { return string(m.FromTag()) }, "from1",
		},
		{
			"URI: a quoted parameter is kept as it is", "<sip:alice@192.0.2.1>", `<sip:a@h;p="x;y";lr>;q=1`,
			func(m *Message) string {
				na, _ := ParseNameAddr(m.Get(Contact))
				return string(na.URI) + "|" + string(na.Params)
			}, `sip:a@h;p="x;y";lr|;q=1`,
		},
		{
			"URI: maddr with an IPv6 address", "INVITE sip:bob@example.com", "INVITE sip:h;maddr=[2001:db8::1]",
			func(m *Message) string {
				u, _ := ParseURI(m.RequestURI())
				a, _ := u.Addr()
				return string(m.RequestURI()) + "|" + string(u.Host) + "|" + a.String()
			}, "sip:h;maddr=[2001:db8::1]|h|[2001:db8::1]:5060",
		},
		{
			"Route: display name and header parameters", "<sip:p1.example.com;lr>", `"P 1" <sip:p1;lr>;x=1`,
			func(m *Message) string { return nameAddr(firstElement(m, Route)) }, `"P 1"|sip:p1;lr|;x=1`,
		},
		{
			"Record-Route: display name and header parameters", "X-Note: one", `Record-Route: "P 1" <sip:p1;lr>;x=1`,
			func(m *Message) string { return strings.TrimSpace(string(m.AppendRecordRoutes(nil))) }, `Record-Route: "P 1" <sip:p1;lr>;x=1`,
		},
		{
			"Refer-To: display name and header parameters", "X-Note: one", `r: "C" <sip:c@h;x?Replaces=1>;y=2`,
			func(m *Message) string { return nameAddr(m.AppendValues(nil, "Refer-To")[0]) }, `"C"|sip:c@h;x?Replaces=1|;y=2`,
		},
		{
			"CSeq: spaces before the method", "CSeq: 7 INVITE", "CSeq: 7   INVITE",
			func(m *Message) string { return string(m.cseqName.of(m.raw)) }, "INVITE",
		},
		{
			"methods are not put in upper case", "INVITE sip:", "Invite sip:",
			func(m *Message) string { return string(m.MethodName()) + "|" + m.Method().String() }, "Invite|",
		},
		{
			"compact forms: k", "X-Note: one", "k: timer",
			func(m *Message) string { return string(m.Get(Supported)) }, "timer",
		},
		{
			"compact forms: s", "X-Note: one", "s: hello",
			func(m *Message) string { return string(m.AppendValues(nil, "Subject")[0]) }, "hello",
		},
		{
			"a field is replaced by its name in any case", "X-Note: one", "X-NOTE: one",
			func(m *Message) string { return string(m.AppendPassed(nil, []Change{{Name: "x-note", Value: "two"}})) }, "x-note: two\r\n",
		},
		{
			"a field is removed by its name in any case", "X-Note: one", "X-NOTE: one",
			func(m *Message) string { return string(m.AppendPassed(nil, []Change{{Name: "x-note", Remove: true}})) }, "",
		},
		{
			"a list of Contact is split, one address is not", "<sip:alice@192.0.2.1>", `"A, B" <sip:a,b@h>,<sip:c@h>`,
			func(m *Message) string { return nameAddr(firstElement(m, Contact)) }, `"A, B"|sip:a,b@h|`,
		},
		{
			"opaque URIs stay whole", "INVITE sip:bob@example.com", "INVITE urn:service:sos;x?y",
			func(m *Message) string { return key(t, string(m.RequestURI())) }, "urn:service:sos;x?y",
		},
		{
			"folded lines", "X-Note: one", "Subject: one\n  two",
			func(m *Message) string {
				return strings.Join(strings.Fields(string(m.AppendValues(nil, "Subject")[0])), " ")
			}, "one two",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.got(mustParse(t, with(t, basic, c.old, c.new))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// sipgo's clones share Max-Forwards: three, each decremented, gave 69, 68 and 67.
func TestWhereSipgoErrsInClones(t *testing.T) {
	m := mustParse(t, wire(basic))
	for range 3 {
		c := m.Clone()
		n, _ := c.Uint(MaxForwards)
		copy(c.Get(MaxForwards), AppendUint(nil, n-1))
		if got := string(c.Get(MaxForwards)); got != "69" {
			t.Errorf("a clone's Max-Forwards is %s", got)
		}
	}
	if got := string(m.Get(MaxForwards)); got != "70" {
		t.Errorf("the original's Max-Forwards is %s", got)
	}
}

func firstElement(m *Message, id ID) (first []byte) {
	m.Each(id, func(e []byte) bool { first = e; return false })
	return first
}

func nameAddr(b []byte) string {
	na, err := ParseNameAddr(b)
	if err != nil {
		return err.Error()
	}
	return string(na.Display) + "|" + string(na.URI) + "|" + string(na.Params)
}

// summary is what two parsers must agree on.
type summary struct {
	request                          bool
	method, uri                      string
	status                           int
	callID, branch, fromTag, toTag   string
	cseq                             uint32
	cseqMethod, viaHost, viaProtocol string
}

func summaryOf(m *Message) summary {
	return summary{
		request: m.IsRequest(), method: string(m.token.of(m.raw)), uri: string(m.RequestURI()), status: m.Status(), callID: string(m.CallID()),
		branch: string(m.TopVia().Branch), fromTag: string(m.FromTag()), toTag: string(m.ToTag()), cseq: m.CSeq(),
		cseqMethod: string(m.cseqName.of(m.raw)), viaHost: string(m.TopVia().Host), viaProtocol: string(m.TopVia().Transport),
	}
}

// byKey has the key of the Request-URI in place of its spelling, which sipgo makes anew.
func (s summary) byKey() summary {
	if u, err := ParseURI([]byte(s.uri)); err == nil {
		s.uri = string(u.AppendKey(nil))
	}
	return s
}

// secondOpinion is the summary that sipgo gives; ok is false if it does not take the message.
func secondOpinion(parser *sip.Parser, b []byte) (s summary, ok bool) {
	msg, err := parser.ParseSIP(b)
	if err != nil {
		return summary{}, false
	}
	switch m := msg.(type) {
	case *sip.Request:
		s = summary{request: true, method: string(m.Method), uri: m.Recipient.String()}
	case *sip.Response:
		s = summary{status: m.StatusCode, method: m.Reason}
	}
	via, from, to, id, cseq := msg.Via(), msg.From(), msg.To(), msg.CallID(), msg.CSeq()
	if via == nil || from == nil || to == nil || id == nil || cseq == nil {
		return summary{}, false
	}
	s.branch, _ = via.Params.Get("branch")
	s.fromTag, _ = from.Params.Get("tag")
	s.toTag, _ = to.Params.Get("tag")
	s.callID, s.cseq, s.cseqMethod = string(*id), cseq.SeqNo, string(cseq.MethodName)
	s.viaHost, s.viaProtocol = via.Host, via.Transport
	return s, true
}

// The second opinion that FuzzParse asks for must be given for ordinary messages, or it would guard nothing.
func TestSecondOpinion(t *testing.T) {
	parser := sip.NewParser()
	for name, b := range map[string][]byte{
		"request": with(t, basic, ":5070;branch=z9hG4bKa1;rport", ";branch=z9hG4bKa1"), "response": wire(basicResponse), "bench": benchInvite,
		"esc01": torture(t, "esc01"), "unreason": torture(t, "unreason"), "inv2543": torture(t, "inv2543"), "zeromf": torture(t, "zeromf"),
	} {
		m, got := verdict(b)
		s, ok := secondOpinion(parser, b)
		if got != "ok" || !ok || !readAlike(m, b) {
			t.Errorf("%s is not compared: %s, %v, %v", name, got, ok, readAlike(m, b))
		}
		if s.byKey() != summaryOf(m).byKey() {
			t.Errorf("%s: sipgo reads\n%+v, not\n%+v", name, s, summaryOf(m))
		}
	}
}
