package luaapi

import (
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestErrorsAreLoggedWithTheirCall(t *testing.T) {
	r := serve(t, script("\nfunction route.invite(call)\n  error('no')\nend"))
	r.vm().Invite(newCall(t))
	e := r.logs.TakeAll()[0]
	f := e.ContextMap()
	if e.Level != zap.ErrorLevel || f["call"] != "c1@example.net" || f["handler"] != "invite" || f["at"] != "main.lua:6" || f["generation"] != uint64(1) {
		t.Errorf("logged %v with %v", e.Message, f)
	}
	if trace, _ := f["trace"].(string); !strings.Contains(trace, "main.lua:6: in invite\n") {
		t.Errorf("trace is %q", trace)
	}
}

// Callers can make handlers fail, and must not fill the disk with what is logged of that.
func TestErrorsAreLoggedInMeasure(t *testing.T) {
	r := serve(t, script("function route.invite(call) error(call.ruri.user) end"))
	v, c := r.vm(), newCall(t)
	for range 3 * maxErrors {
		v.Invite(c)
	}
	if n := r.logs.FilterLevelExact(zap.ErrorLevel).Len(); n != maxErrors {
		t.Errorf("%d lines in a second", n)
	}
	r.logs.TakeAll()
	c.date = c.date.Add(time.Second)
	v.Invite(c)
	c.date = c.date.Add(-time.Minute) // of a call that came earlier
	v.Invite(c)
	all := r.logs.TakeAll()
	if len(all) != 3 || all[0].Message != "more handlers failed" || all[0].ContextMap()["not logged"] != int64(2*maxErrors) {
		t.Errorf("then %v", all)
	}
	if got := r.Status().Handlers; got[0].Errors != 3*maxErrors+2 {
		t.Errorf("counted %+v", got)
	}
}

func TestScriptLogsCarryTheCall(t *testing.T) {
	r := serve(t, script(`function route.invite(call)
		call:log("hello", { user = call.ruri.user })
		log.warn("x")
	end`))
	r.vm().Invite(newCall(t))
	logs := r.logs.TakeAll()
	if len(logs) != 2 || logs[0].Level != zapcore.InfoLevel || logs[1].Level != zapcore.WarnLevel {
		t.Fatalf("logged %v", logs)
	}
	for i, at := range []string{"main.lua:5", "main.lua:6"} {
		if f := logs[i].ContextMap(); f["call"] != "c1@example.net" || f["at"] != at {
			t.Errorf("logged with %v, want the call at %s", f, at)
		}
	}
}
