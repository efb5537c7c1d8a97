package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"tandem/cmd/internal/config"
	"tandem/luaapi/replay"
)

// A running engine records its calls, whichever shard they are on, and what is recorded can be replayed.
func TestRecord(t *testing.T) {
	c, path := configured(t, busy)
	c.Record = config.Record{File: filepath.Join(t.TempDir(), "calls.jsonl")}
	s := start(t, c)
	p := dial(t, s)
	ids := []string{"one", "two", "three", "four"}
	for _, id := range ids {
		if got := p.call(id); got != "SIP/2.0 486 Busy Here" {
			t.Fatal(got)
		}
	}
	until(t, s, func(st *Status) bool { return st.Record.Written >= uint64(len(ids)) })
	all, _, err := replay.Read(c.Record.File)
	if err != nil || len(all) != len(ids) {
		t.Fatal(all, err)
	}
	for i, r := range all {
		if r.ID != ids[i] || r.Final != 486 || r.From != "sip:alice@example.net" || len(r.Decisions) == 0 {
			t.Errorf("%+v", r)
		}
	}
	var out strings.Builder
	sum, err := replay.Run(replay.Options{File: c.Record.File, Root: filepath.Dir(path), Out: &out})
	if err != nil || sum != (replay.Summary{Calls: 4, Same: 4}) {
		t.Errorf("%+v %v\n%s", sum, err, out.String())
	}
}

// What a server answered to a call is recorded, and it need not be there when the call is replayed.
func TestRecordAnswers(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "486 for "+r.URL.Query().Get("from"))
	}))
	defer web.Close()
	script := fmt.Sprintf(`
local plan, http = require "plan", require "http"
return { invite = function(call)
  return plan.await(http.get(%q, { query = { from = call.from.user, id = call.id }, timeout = 20 }), function(call, result)
    return plan.reject(result.body == "486 for alice" and 486 or 503)
  end)
end }
`, web.URL)
	c, path := configured(t, script)
	c.Record = config.Record{File: filepath.Join(t.TempDir(), "calls.jsonl")}
	s := start(t, c)
	if got := dial(t, s).call("one"); got != "SIP/2.0 486 Busy Here" {
		t.Fatal(got)
	}
	until(t, s, func(st *Status) bool { return st.Record.Written >= 1 })
	web.Close()
	var out strings.Builder
	o := replay.Options{File: c.Record.File, Root: filepath.Dir(path), Out: &out}
	if sum, err := replay.Run(o); err != nil || sum != (replay.Summary{Calls: 1, Same: 1}) {
		t.Errorf("%+v %v\n%s", sum, err, out.String())
	}
	write(t, path, strings.Replace(script, "call.from.user", "call.to.user", 1))
	if sum, err := replay.Run(o); err != nil || sum != (replay.Summary{Calls: 1, Unsure: 1}) || !strings.Contains(out.String(), web.URL+": not recorded with these arguments") {
		t.Errorf("%+v %v\n%s", sum, err, out.String())
	}
}
