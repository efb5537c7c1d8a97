package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/BurntSushi/toml"
)

// File is a configuration as it was read from a file.
type File struct {
	Config Config
	// Path is the file's; empty = there was none, and the configuration is that of who is told nothing.
	Path string
	// ID is equal for equal texts.
	ID string

	text lines
}

// ReadFile reads a configuration file over the defaults. Its errors name the file, the line and the key. What it returns of a file with faults has the Path, and as its
// Config no more than the admin socket.
func ReadFile(path string) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return File{}, fmt.Errorf("configuration: %w", err)
	}
	sum := sha256.Sum256(text)
	f := File{Path: path, ID: hex.EncodeToString(sum[:]), text: newLines(text)}
	if f.Config, err = parse(path, text); err != nil {
		f.Config = Config{Admin: adminOf(path, text)}
	}
	return f, err
}

var adminLine = regexp.MustCompile(`(?m)^[ \t]*(?:(admin[ \t]*=.*)|\[)`)

// adminOf returns the admin socket that a file with faults names: the engine that it was once read by goes on there.
func adminOf(path string, text []byte) string {
	if line := adminLine.FindSubmatch(text); line != nil && line[1] != nil {
		var own struct{ Admin *string }
		if _, err := toml.Decode(string(line[1]), &own); err == nil && own.Admin != nil {
			return beside(path, *own.Admin)
		}
	}
	return Default().Admin
}

// Wrong returns an error with the line in the file, if it is an *Error about a key.
func (f *File) Wrong(err error) error {
	var e *Error
	if f.Path == "" || !errors.As(err, &e) {
		return err
	}
	return fmt.Errorf("%s:%d: %w", f.Path, f.text.of(e), err)
}

// where says where a key stands: "tandem.toml:12 ([[listener]] address)", without a line if it is not written, without a file if there is none.
func (f *File) where(e *Error) string {
	line := f.text.find(e)
	switch {
	case f.Path == "":
		return e.name()
	case line == 0:
		return fmt.Sprintf("%s (%s)", f.Path, e.name())
	}
	return fmt.Sprintf("%s:%d (%s)", f.Path, line, e.name())
}

// name is what users call a key: "[[listener]] address", "[metrics] listen", "admin".
func (e *Error) name() string {
	array, _ := e.array()
	switch {
	case e.Table != "":
		return "[" + e.Table + "] " + e.Key
	case e.Key == "listener" || e.Key == "acl":
		return "[[" + e.Key + "]]"
	case array != "":
		return "[[" + array + "]] " + e.Key
	}
	return e.Key
}
