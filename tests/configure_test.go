package tests

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/icholy/digest"
)

// rawPhone sends requests over UDP and reads what they are answered.
type rawPhone struct {
	t    *testing.T
	conn net.Conn
	sent int
}

// asks sends a request and returns its final response.
func (p *rawPhone) asks(method, uri, fields string) string {
	p.t.Helper()
	p.sent++
	id := fmt.Sprintf("c%d", p.sent)
	text := method + " " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + p.conn.LocalAddr().String() + ";branch=z9hG4bK" + id + "\r\nFrom: <sip:100@pbx.example>;tag=" + id +
		"\r\nTo: <sip:100@pbx.example>\r\nCall-ID: " + id + "\r\nCSeq: 1 " + method + "\r\nMax-Forwards: 70\r\nContact: <sip:100@" + p.conn.LocalAddr().String() +
		">\r\nUser-Agent: a phone whose name is long enough for what it is asked over UDP, which is no more than half as much again as it sends\r\n" + fields + "Content-Length: 0\r\n\r\n"
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	for buf := make([]byte, 65536); ; {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatalf("%s %s is lost: %v", method, id, err)
		}
		if got := string(buf[:n]); strings.Contains(got, "\r\nCall-ID: "+id+"\r\n") && !strings.HasPrefix(got, "SIP/2.0 1") {
			return got[len("SIP/2.0 "):]
		}
	}
}

// acknowledges takes the response to the last INVITE, which is sent again and again otherwise.
func (p *rawPhone) acknowledges(uri, response string) {
	p.t.Helper()
	id := fmt.Sprintf("c%d", p.sent)
	text := "ACK " + uri + " SIP/2.0\r\nVia: SIP/2.0/UDP " + p.conn.LocalAddr().String() + ";branch=z9hG4bK" + id + "\r\nFrom: <sip:100@pbx.example>;tag=" + id +
		"\r\nTo: " + field(response, "To") + "\r\nCall-ID: " + id + "\r\nCSeq: 1 ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
	if _, err := p.conn.Write([]byte(text)); err != nil {
		p.t.Fatal(err)
	}
}

var askedBy = regexp.MustCompile(`WWW-Authenticate: (Digest .*algorithm=SHA-256.*)\r\n`)

// registers reports whether a REGISTER with a password is accepted.
func (p *rawPhone) registers(password string) bool {
	p.t.Helper()
	const uri = "sip:pbx.example"
	asked := p.asks("REGISTER", uri, "")
	m := askedBy.FindStringSubmatch(asked)
	if m == nil {
		p.t.Fatalf("asked for nothing: %s", asked)
	}
	c, err := digest.ParseChallenge(m[1])
	if err != nil {
		p.t.Fatal(err)
	}
	cr, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: uri, Count: 1, Username: "100", Password: password, Cnonce: "salt"})
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.HasPrefix(p.asks("REGISTER", uri, "Authorization: "+cr.String()+"\r\n"), "200 ")
}

// A phone that was refused is taken once tandem.toml is saved with its user, by a rename as editors do it; meanwhile no call is lost.
func TestUserIsAddedWithoutRestart(t *testing.T) {
	dir := t.TempDir()
	save := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
	const others = "auth.calls = \"none\"\nabuse.failures = 0\n[[user]]\nname = \"101\"\npassword = \"other\"\n"
	save("main.lua", `return { invite = function() return require("plan").reject(486) end }`)
	save("tandem.toml", others)
	p := startProcess(t, "tandem", dir, binary, "run", ".", "--listen", "udp:127.0.0.1:0", "--admin", filepath.Join(dir, "a.sock"))
	conn, err := net.Dial("udp", p.waitLine(`listening on udp:(\S+)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	phone := &rawPhone{t: t, conn: conn}
	if phone.registers("secret") {
		t.Fatal("a stranger registers")
	}
	save("tandem.toml", others+"[[user]]\nname = \"100\"\npassword = \"secret\"\n")
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.Now().Add(patience); !phone.registers("secret"); <-again.C {
		if time.Now().After(deadline) {
			t.Fatalf("the user is not known:\n%s", p.output())
		}
		got := phone.asks("INVITE", "sip:200@pbx.example", "")
		if !strings.HasPrefix(got, "486 ") {
			t.Errorf("a call meanwhile: %s", got)
		}
		phone.acknowledges("sip:200@pbx.example", got)
	}
	p.waitLine(`configuration read: \[\[user\]\] changed`)
}
