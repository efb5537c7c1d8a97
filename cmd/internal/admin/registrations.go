package admin

import (
	"context"
	"net/http"
)

// Contact is where a user has registered.
type Contact struct {
	// User is whose it is, AOR the address of record as it was registered.
	User string `json:"user"`
	AOR  string `json:"aor"`
	// Contact is its URI, Source where its REGISTER came from, by which the phone is called.
	Contact string `json:"contact"`
	Source  string `json:"source"`
	// Expires is in how many seconds it ends unless it is refreshed.
	Expires uint32 `json:"expires"`
	// Q is its preference, 0 to 1.
	Q float64 `json:"q"`
	// Instance is which phone it is (+sip.instance) and RegID which of its flows, "" and 0 if it has not said; Path are the proxies on the way.
	Instance string   `json:"instance,omitempty"`
	RegID    uint32   `json:"reg_id,omitempty"`
	Path     []string `json:"path,omitempty"`
}

// Registrations asks the engine on path who is registered where.
func Registrations(ctx context.Context, path string) ([]Contact, error) {
	var list []Contact
	err := call(ctx, path, http.MethodGet, "/registrations", timeout, &list)
	return list, err
}
