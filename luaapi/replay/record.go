// Package replay is `tandem replay`: recorded calls, or those of a capture, run through scripts again, to see which of them would go
// elsewhere.
//
// It holds no state. A Record is a call as `tandem run` writes it, a line of JSON; the calls run on the real engine by package
// scenario, with phones that do what they did.
package replay

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Version is that of the records that this release writes.
const Version = 1

// Record is the set-up of a call: what came in, what the script decided and what it asked for that, who was called and
// what they did. Times are in seconds since the INVITE came.
type Record struct {
	Version int       `json:"v"`
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	// Source is where the INVITE came from, IP:port; "" = it is not told.
	Source string `json:"source,omitempty"`
	// User is whose credentials the caller had; "" = it was asked for none, or that is not told.
	User string `json:"user,omitempty"`
	// From and To are those of the INVITE without tags, RequestURI its target.
	From       string      `json:"from"`
	To         string      `json:"to"`
	RequestURI string      `json:"ruri"`
	Headers    [][2]string `json:"headers,omitempty"`
	Decisions  []Decision  `json:"decisions,omitempty"`
	Awaited    []Awaited   `json:"awaited,omitempty"`
	Legs       []*Leg      `json:"legs,omitempty"`
	// Cancelled is when the caller gave up; nil = it did not.
	Cancelled *float64 `json:"cancelled,omitempty"`
	// Final is the status code that the caller got, 0 = none; of a capture nothing is known.
	Final int `json:"final,omitempty"`
	// Answered is the target whose answer it was.
	Answered string `json:"answered,omitempty"`
}

// Decision is what the script or the plan decided.
type Decision struct {
	At    float64 `json:"at"`
	Text  string  `json:"text"`
	Where string  `json:"where,omitempty"`
}

// Leg is an INVITE that went out.
type Leg struct {
	At float64 `json:"at"`
	// URI is its Request-URI, Remote where it went.
	URI       string     `json:"uri"`
	Remote    string     `json:"remote,omitempty"`
	Responses []Response `json:"responses,omitempty"`
}

// Response is a response to a leg's INVITE.
type Response struct {
	At   float64 `json:"at"`
	Code int     `json:"code"`
	// Contact is that of a 3xx.
	Contact string `json:"contact,omitempty"`
}

// maxLine is how long a line of a recording may be, in bytes.
const maxLine = 4 << 20

// Read reads a recording, or a capture of packets (pcap or pcapng). note says what is to be known of it, such as that it ends too early; "" =
// nothing.
func Read(path string) (all []*Record, note string, err error) {
	text, err := os.ReadFile(path)
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("cannot read the recording: %w", err)
	case isCapture(text):
		return capture(path, text)
	case bytes.HasPrefix(text, gzipped):
		return nil, "", fmt.Errorf("%s is compressed; unpack it by gunzip", path)
	}
	in := bufio.NewScanner(bytes.NewReader(text))
	in.Buffer(make([]byte, 0, 1<<16), maxLine)
	for line := 1; in.Scan(); line++ {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		r := &Record{}
		if err := json.Unmarshal(in.Bytes(), r); err != nil {
			if !bytes.HasSuffix(text, []byte("\n")) && bytes.HasSuffix(text, in.Bytes()) && len(all) > 0 { // it was not written to its end
				return all, fmt.Sprintf("%s:%d: the last record is not complete; those before it count", path, line), nil
			}
			return nil, "", fmt.Errorf("%s:%d: no record of a call: %w", path, line, err)
		}
		if r.Version != Version {
			return nil, "", fmt.Errorf("%s:%d: a record of version %d; this release reads version %d", path, line, r.Version, Version)
		}
		all = append(all, r)
	}
	if err := in.Err(); err != nil {
		return nil, "", fmt.Errorf("cannot read %s: %w", path, err)
	}
	return all, "", nil
}
