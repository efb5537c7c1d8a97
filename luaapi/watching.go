package luaapi

import (
	"context"

	"tandem/luaapi/watch"
)

// Watch reloads the script when its folder changes and has come to rest, until the context is done. It is for a
// source that is a Dir; any other never changes, and Watch only waits.
func (h *Host) Watch(ctx context.Context) error {
	return h.watch(ctx, watch.Config{})
}

func (h *Host) watch(ctx context.Context, cfg watch.Config) error {
	dir, ok := h.source.(Dir)
	if !ok {
		<-ctx.Done()
		return nil
	}
	cfg.Root, cfg.Logger = string(dir), h.opt.Load().Logger
	cfg.Read = func() watch.Version { return h.version(ctx) }
	cfg.Served = h.served.Load().gen.prog.Snapshot.Hash()
	return watch.Run(ctx, cfg)
}

// version reads the source for the watcher. What was read is what is loaded: a third read could find half a file.
func (h *Host) version(ctx context.Context) watch.Version {
	s, err := h.source.Read()
	if err != nil {
		return watch.Version{ID: "error: " + err.Error(), Load: func() {
			h.refuse(nil, err)
		}}
	}
	return watch.Version{ID: s.Hash(), Load: func() {
		if h.holds(s) == nil { // else it is what was rolled back, of which all was said then
			h.Apply(ctx, s) //nolint:errcheck // it is logged and in the status
		}
	}}
}
