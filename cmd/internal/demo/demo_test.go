package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"tandem/engine/trace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	var out bytes.Buffer
	if err := Run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		`desk was cancelled\. Reason: SIP;cause=200;text="Call completed elsewhere"`,
		`home was cancelled\. Reason: SIP;cause=200;text="Call completed elsewhere"`,
		`Generation 2 is live, sha256 [0-9a-f]{12}\.`,
		`invite → parallel\{desk, mobile, home\+0\.3s\} ring=20s`,
		`invite → serial\{desk ring=0\.5s, home\}`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// cancelAt cancels when a text is written, as somebody does who has seen enough.
type cancelAt struct {
	text   string
	cancel func()
}

func (c cancelAt) Write(b []byte) (int, error) {
	if strings.Contains(string(b), c.text) {
		c.cancel()
	}
	return len(b), nil
}

func TestInterrupted(t *testing.T) {
	for _, text := range []string{"main.lua", "A call.", "was cancelled", "The script is changed", "is live", "The same call"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := Run(ctx, cancelAt{text, cancel}); err == nil {
				t.Error("ended well")
			}
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("%q was never written", text)
			}
		})
	}
}

// A call may be over more than once: what comes late is no new call.
func TestRecorderTellsOnce(t *testing.T) {
	r := newRecorder()
	message := func(kind trace.Kind, first string) {
		r.Trace(trace.Event{Kind: kind, Bytes: []byte(first + "\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nFrom: <sip:a@example.net>;tag=1\r\n" +
			"To: <sip:b@example.net>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")})
	}
	r.Trace(trace.Event{Kind: trace.Note, Text: "ended"})
	for range 2 {
		message(trace.Sent, "BYE sip:b@example.net SIP/2.0")
		message(trace.Received, "SIP/2.0 200 OK")
	}
	select {
	case <-r.over:
	default:
		t.Error("not over")
	}
}
