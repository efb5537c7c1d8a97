package tests

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the README and the other documents say is true: snippets run, commands and links exist.

// fence is a fenced block of a Markdown file.
type fence struct {
	lang, file string // of its info string: "lua main.lua"
	line       int
	text       string
}

// document is a Markdown file.
type document struct {
	path   string // from the top of the tree
	fences []fence
	prose  string // everything else, with as many lines as the file
}

func readDocument(path string, text []byte) *document {
	d := &document{path: path}
	var prose strings.Builder
	inside := false
	for i, line := range strings.Split(string(text), "\n") {
		info, mark := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case mark && inside:
			inside = false
		case mark:
			inside = true
			lang, file, _ := strings.Cut(info, " ")
			d.fences = append(d.fences, fence{lang: lang, file: file, line: i + 1})
		case inside:
			f := &d.fences[len(d.fences)-1]
			f.text += line + "\n"
		default:
			prose.WriteString(line)
		}
		prose.WriteByte('\n')
	}
	d.prose = prose.String()
	return d
}

// documents returns the Markdown files of the tree.
func documents(t *testing.T) (all []*document) {
	t.Helper()
	eachFile(t, func(path string, text []byte) {
		if filepath.Ext(path) == ".md" && !strings.Contains(path, "testdata/") {
			all = append(all, readDocument(path, text))
		}
	})
	return all
}

func readme(t *testing.T) *document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return readDocument("README.md", text)
}

// unpack writes the files of a document's snippets into a folder.
func unpack(t *testing.T, d *document, want ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, f := range d.fences {
		if f.file != "" {
			write(t, filepath.Join(dir, f.file), f.text)
		}
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatalf("%s has no snippet %s", d.path, name)
		}
	}
	return dir
}

// varies is what differs from run to run in what `tandem test` prints, and how long virtual time takes.
var varies = regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)? ?m?s\b|\bseed \d+`)

func lines(text string) []string {
	return strings.Split(varies.ReplaceAllString(strings.TrimRight(text, "\n"), "…"), "\n")
}

// The tests of the README pass, and print what it says that they print.
func TestReadmeTests(t *testing.T) {
	d := readme(t)
	dir := unpack(t, d, "main.lua", "main_test.lua")
	shown := 0
	for _, f := range d.fences {
		if f.lang != "console" {
			continue
		}
		for session := range strings.SplitSeq(f.text, "$ ") {
			line, output, _ := strings.Cut(session, "\n")
			if line == "" {
				continue
			}
			args := strings.Fields(line)
			if len(args) < 2 || args[0] != "tandem" || args[1] != "test" {
				t.Errorf("README.md:%d: nobody checks what %q prints", f.line, line)
				continue
			}
			shown++
			p := startProcess(t, line, dir, binary, args[1:]...)
			if status := p.wait(); status != 0 {
				t.Errorf("README.md:%d: %s: exit status %d\n%s", f.line, line, status, p.output())
			}
			got := lines(p.output())
			for _, want := range lines(output) {
				if !slices.Contains(got, want) {
					t.Errorf("README.md:%d: %s does not print %q:\n%s", f.line, line, want, p.output())
				}
			}
		}
	}
	if shown == 0 {
		t.Error("README.md shows no tests")
	}
}

// The engine serves the script of the README.
func TestReadmeRun(t *testing.T) {
	dir := unpack(t, readme(t), "main.lua")
	admin := filepath.Join(t.TempDir(), "admin.sock")
	p := startProcess(t, "tandem run", dir, binary, "run", ".", "--listen", "udp:127.0.0.1:0", "--admin", admin)
	conn, err := net.Dial("udp", p.waitLine(`listening on udp:(\S+:\d+)`)[1])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	me := conn.LocalAddr()
	fmt.Fprintf(conn, "INVITE sip:100@pbx.example SIP/2.0\r\nVia: SIP/2.0/UDP %[1]s;branch=z9hG4bKreadme\r\nFrom: <sip:alice@example.net>;tag=1\r\n"+
		"To: <sip:100@pbx.example>\r\nCall-ID: readme\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:alice@%[1]s>\r\nContent-Length: 0\r\n\r\n", me)
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(buf[:n]); !strings.HasPrefix(got, "SIP/2.0 100 ") {
		t.Errorf("got %s", got)
	}
	status, out := command(t, "status", "--json", "--admin", admin)
	var st struct {
		Handlers []struct {
			Name   string
			Calls  int
			Errors int
		}
	}
	if err := json.Unmarshal([]byte(out), &st); err != nil || status != 0 {
		t.Fatalf("exit status %d, %v: %s", status, err, out)
	}
	if len(st.Handlers) == 0 || st.Handlers[0].Name != "invite" || st.Handlers[0].Calls != 1 || st.Handlers[0].Errors != 0 {
		t.Errorf("handlers: %+v", st.Handlers)
	}
}

// vocabulary is what command lines may use.
type vocabulary struct {
	flags   map[string][]string // of the commands: "run" → "--listen", "-c", …
	targets []string            // of make
}

var (
	commandLine = regexp.MustCompile(`(?m)^  ([a-z]+) +\S`)
	flagLine    = regexp.MustCompile(`(?m)^ +(?:(-[a-zA-Z]), )?(--[a-z-]+)`)
	targetLine  = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
	codeSpan    = regexp.MustCompile("`(?:tandem|make) [^`]+`")
	link        = regexp.MustCompile(`\]\(<?([^)>\s]+)>?[^)]*\)`)
)

func readVocabulary(t *testing.T) *vocabulary {
	t.Helper()
	v := &vocabulary{flags: map[string][]string{}}
	_, help := command(t, "--help")
	_, list, _ := strings.Cut(help, "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	for _, m := range commandLine.FindAllStringSubmatch(list, -1) {
		_, help := command(t, "help", m[1])
		v.flags[m[1]] = []string{}
		for _, f := range flagLine.FindAllStringSubmatch(help, -1) {
			v.flags[m[1]] = append(v.flags[m[1]], f[1:]...)
		}
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range targetLine.FindAllStringSubmatch(string(makefile), -1) {
		v.targets = append(v.targets, m[1])
	}
	return v
}

// wrong says what a command line uses that there is not; "" if all is there.
func (v *vocabulary) wrong(line string) string {
	line, _, _ = strings.Cut(line, " #")
	for _, part := range regexp.MustCompile(`&&|[;|]`).Split(line, -1) {
		words := strings.Fields(part)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "make":
			for _, w := range words[1:] {
				if !strings.Contains(w, "=") && !slices.Contains(v.targets, w) {
					return "make has no target " + w
				}
			}
		case "tandem":
			flags, ok := v.flags[words[1]]
			if !ok && !strings.HasPrefix(words[1], "-") {
				return "there is no command tandem " + words[1]
			}
			for _, w := range words[2:] {
				flag, _, _ := strings.Cut(strings.Trim(w, "[]"), "=")
				if strings.HasPrefix(flag, "-") && !slices.Contains(flags, flag) {
					return "tandem " + words[1] + " has no flag " + flag
				}
			}
		}
	}
	return ""
}

// Command lines in documents use what there is.
func TestDocumentedCommands(t *testing.T) {
	v := readVocabulary(t)
	for _, d := range documents(t) {
		for _, f := range d.fences {
			if f.lang != "sh" && f.lang != "console" {
				continue
			}
			for i, line := range strings.Split(f.text, "\n") {
				prompted, isPrompt := strings.CutPrefix(line, "$ ")
				if f.lang == "console" && !isPrompt {
					continue
				}
				if w := v.wrong(prompted); w != "" {
					t.Errorf("%s:%d: %s: %s", d.path, f.line+1+i, prompted, w)
				}
			}
		}
		for i, line := range strings.Split(d.prose, "\n") {
			for _, span := range codeSpan.FindAllString(line, -1) {
				if w := v.wrong(strings.Trim(span, "`")); w != "" {
					t.Errorf("%s:%d: %s: %s", d.path, i+1, span, w)
				}
			}
		}
	}
}

func TestVocabulary(t *testing.T) {
	v := readVocabulary(t)
	for line, want := range map[string]string{
		"tandem run . --listen udp:127.0.0.1:5060 # listens": "",
		"tandem run -c tandem.toml && tandem status --json":  "",
		"tandem status --admin=/run/t.sock":                  "",
		"tandem help":                                        "",
		"make build test":                                    "",
		"make fuzz FUZZTIME=5s":                              "",
		"cd examples; make nothing":                          "make has no target nothing",
		"tandem dial sip:100@example.net":                    "there is no command tandem dial",
		"tandem run --port 5060":                             "tandem run has no flag --port",
		"tandem reload -x":                                   "tandem reload has no flag -x",
		"tandem run [SCRIPTS] [--prot 1]":                    "tandem run has no flag --prot",
	} {
		if got := v.wrong(line); got != want {
			t.Errorf("%s: got %q, want %q", line, got, want)
		}
	}
}

// Links within the tree lead somewhere.
func TestLinks(t *testing.T) {
	code := regexp.MustCompile("`[^`]*`")
	for _, d := range documents(t) {
		for i, line := range strings.Split(d.prose, "\n") {
			for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(line, ""), -1) {
				to, _, _ := strings.Cut(m[1], "#")
				if to == "" || strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
					continue
				}
				if _, err := os.Stat(filepath.Join(root, filepath.Dir(d.path), to)); err != nil {
					t.Errorf("%s:%d: %s leads nowhere", d.path, i+1, m[1])
				}
			}
		}
	}
}
