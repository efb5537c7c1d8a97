package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Call is one that an engine has.
type Call struct {
	// ID is the Call-ID of the caller's leg.
	ID string `json:"id"`
	// From and To are who calls whom, as URIs; Source is where the INVITE came from.
	From   string `json:"from"`
	To     string `json:"to"`
	Source string `json:"source"`
	// State is trying, ringing, answered or ending.
	State string `json:"state"`
	// Since is when the INVITE came.
	Since time.Time `json:"since"`
	// Branches are the INVITEs that may yet be answered, and the one that was.
	Branches []Branch `json:"branches"`
}

// Branch is an INVITE of a call.
type Branch struct {
	// Target is its URI, Remote where it went, "" as long as that is looked up.
	Target string `json:"target"`
	Remote string `json:"remote,omitempty"`
	// State is trying, ringing or answered.
	State string `json:"state"`
}

// Ended says how many calls were ended.
type Ended struct {
	Ended int `json:"ended"`
}

// Calls asks the engine on path for its calls.
func Calls(ctx context.Context, path string) ([]Call, error) {
	var list []Call
	err := call(ctx, path, http.MethodGet, "/calls", timeout, &list)
	return list, err
}

// End asks the engine on path to end the calls with a Call-ID, and returns how many there were.
func End(ctx context.Context, path, id string) (int, error) {
	var e Ended
	err := call(ctx, path, http.MethodPost, "/end?id="+url.QueryEscape(id), timeout, &e)
	return e.Ended, err
}
