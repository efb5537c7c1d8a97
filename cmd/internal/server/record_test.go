package server

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	for begin := time.Now(); status(t, s).Record.Written < uint64(len(ids)); {
		if time.Since(begin) > patience {
			t.Fatalf("%+v", status(t, s).Record)
		}
	}
	all, err := replay.Read(c.Record.File)
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
