// Package watch tells when a folder of scripts has changed and come to rest.
//
// Run is one goroutine that owns all its state. It watches directories, takes any event as a hint to read everything
// again, and acts on what it read only when two reads in a row found the same. A slow poll finds what the operating
// system does not report: network file systems, lost events, more directories than there are watches.
package watch

import (
	"context"
	"fmt"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/zap"
)

// Version is what a read of the folder found.
type Version struct {
	// ID is equal for equal contents; if the folder cannot be read it names the error.
	ID string
	// Load makes use of it.
	Load func()
}

// Config says what to watch.
type Config struct {
	// Root is a directory or a file. It may vanish and come back.
	Root string
	// Served is the ID of the version that is in use already.
	Served string
	// Read reads the folder.
	Read func() Version
	// Debounce is how long there must be no event before a read, and between the two reads; 0 = 250 ms.
	Debounce time.Duration
	// Poll is how often to read without an event; 0 = 5 s.
	Poll time.Duration
	// Logger is told when directories cannot be watched; nil = nobody is.
	Logger *zap.Logger
}

// The times that make a change take effect within a second without reading half a file.
const (
	DefaultDebounce = 250 * time.Millisecond
	DefaultPoll     = 5 * time.Second
)

type watcher struct {
	cfg     Config
	fs      *fsnotify.Watcher
	settle  *settle
	paths   paths
	watched map[string]bool
	failed  map[string]bool // directories that could not be watched, told once
}

// Run watches until the context is done. It fails only if the operating system gives it no watcher at all.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Debounce <= 0 {
		cfg.Debounce = DefaultDebounce
	}
	if cfg.Poll <= 0 {
		cfg.Poll = DefaultPoll
	}
	if cfg.Logger == nil {
		cfg.Logger = zap.NewNop()
	}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w; reload by hand", cfg.Root, err)
	}
	defer fs.Close() //nolint:errcheck // nothing is left to do with it
	now := time.Now()
	w := &watcher{
		cfg: cfg, fs: fs, settle: newSettle(cfg.Debounce, cfg.Poll, cfg.Served, now),
		watched: make(map[string]bool), failed: make(map[string]bool),
	}
	w.rewatch()
	w.settle.dirty(now) // for what changed before the watches stood
	return w.loop(ctx)
}

func (w *watcher) loop(ctx context.Context) error {
	timer := time.NewTimer(time.Until(w.settle.due()))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev := <-w.fs.Events:
			if !w.paths.concerns(ev.Name) {
				continue
			}
			w.settle.dirty(time.Now())
		case err := <-w.fs.Errors: // events were lost
			w.cfg.Logger.Debug("events of the script folder were lost", zap.Error(err))
			w.settle.dirty(time.Now())
		case <-timer.C:
			w.look()
		}
		timer.Reset(time.Until(w.settle.due()))
	}
}

// look reads the folder. The watches are renewed first, so that what changes after the read is seen.
func (w *watcher) look() {
	w.rewatch()
	v := w.cfg.Read()
	if w.settle.look(time.Now(), v.ID) {
		v.Load()
	}
}

// rewatch puts a watch on every directory that matters now. Adding one again renews it: its path may be another
// directory by now.
func (w *watcher) rewatch() {
	w.paths = find(w.cfg.Root)
	dirs := w.paths.directories()
	for d := range w.watched {
		if !dirs[d] {
			w.fs.Remove(d) //nolint:errcheck // it is gone, and its watch with it
			delete(w.watched, d)
		}
	}
	for d := range dirs {
		if err := w.fs.Add(d); err != nil {
			w.complain(d, err)
			continue
		}
		w.watched[d] = true
		delete(w.failed, d)
	}
}

func (w *watcher) complain(dir string, err error) {
	if !w.failed[dir] {
		w.failed[dir] = true
		w.cfg.Logger.Warn("cannot watch a folder of scripts; its changes are found by reading it every few seconds",
			zap.String("folder", dir), zap.Duration("every", w.cfg.Poll), zap.Error(err))
	}
}
