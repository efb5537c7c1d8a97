package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// coldLimit is how much of a processor's time a cold binary may take for twenty tests: far below what packages that make
// much of themselves at the start would need.
const coldLimit = 50 * time.Millisecond

// BenchmarkCold runs twenty tests with a binary that has just started. It fails if the quickest run takes more than
// coldLimit of the processor's time.
func BenchmarkCold(b *testing.B) {
	dir := b.TempDir()
	bin := filepath.Join(dir, "tandem")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var text strings.Builder
	text.WriteString("local t = require 'test'\nlocal pbx = t.script 'main.lua'\n")
	for i := range 20 {
		fmt.Fprintf(&text, `t.test("test %d", function()
  local net = pbx:network {}
  local desk = net:phone { "sip:100@192.0.2.11" }
  local call = net:call { from = "sip:alice@example.net", to = "sip:100@pbx.example", hangup = 5 }
  net:run()
  t.eq(call:answered_by(), desk)
end)
`, i)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	write("main.lua", "local plan = require 'plan'\nreturn { invite = function() return plan.to 'sip:100@192.0.2.11' end }\n")
	write("main_test.lua", text.String())
	best := time.Hour
	for b.Loop() {
		cmd := exec.Command(bin, "test")
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "20 passed") {
			b.Fatalf("%v\n%s", err, out)
		}
		best = min(best, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
	}
	b.ReportMetric(float64(best.Microseconds())/1000, "cpu-ms")
	if best > coldLimit {
		b.Errorf("the quickest of the runs took %s of the processor's time, more than %s", best, coldLimit)
	}
}
