package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"tandem/cmd/internal/follow"
)

// stream writes a line of JSON for each call that ends, until the client has gone or the engine stops.
func stream(w http.ResponseWriter, r *http.Request, e Engine) {
	l, err := e.Follow(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer l.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	flush := http.NewResponseController(w).Flush
	write := func(c *follow.Call) error { return errors.Join(json.NewEncoder(w).Encode(c), flush()) }
	for err = flush(); err == nil; { // the client hears at once that it is followed
		select {
		case c := <-l.Calls():
			err = write(c)
		case <-r.Context().Done():
			return
		case <-l.Ended():
			for ; err == nil && len(l.Calls()) > 0; err = write(<-l.Calls()) {
			}
			return
		}
	}
}

// errStopped says that there is nothing more to follow.
var errStopped = errors.New("the engine has stopped")

// Follow asks the engine on path for every call that begins from now on, when it has ended, until ctx is done or each fails. following is called when
// the engine has begun.
func Follow(ctx context.Context, path string, following func(), each func(c *follow.Call) error) (err error) {
	resp, err := request(ctx, path, http.MethodGet, "/trace")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	following()
	for lines := json.NewDecoder(resp.Body); ; {
		var c follow.Call
		switch err := lines.Decode(&c); {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return errStopped
		case err != nil:
			return fmt.Errorf("the engine on %s tells what this version does not know: %w", path, err)
		}
		if err := each(&c); err != nil {
			return err
		}
	}
}
