// Package record writes what a running engine did with calls, as lines of JSON that `tandem replay` reads: a trace.Sink in front
// of a file.
//
// Shards hand over what happens through a bounded queue and never wait: what does not fit is counted and lost. One goroutine, which Open
// starts and Close ends, owns the calls that are being set up and the file. A call is written when its caller has a final response.
package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"tandem/engine/clock"
	"tandem/engine/trace"
)

// Config says where records go.
type Config struct {
	// Path is the file; what it held goes on. When it is full it becomes Path.1, whatever that was.
	Path string
	// MaxSize bounds both files together, in bytes.
	MaxSize int64
	// Privacy leaves out who calls, from where, all header fields, and what servers were asked and answered.
	Privacy bool
	// Clock dates calls.
	Clock clock.Clock
	// Queue is how many events may wait; 0 = 8192.
	Queue int
	// Log is told when the file cannot be written; nil = nobody is.
	Log *zap.Logger
}

const defaultQueue = 8192

// Recorder takes events from shards. It is safe for use by several goroutines.
type Recorder struct {
	cfg     Config
	queue   chan item
	dropped atomic.Uint64
	written atomic.Uint64
	done    sync.WaitGroup
	close   sync.Once
	stop    chan struct{}

	// What follows belongs to the goroutine.
	file *os.File
	size int64
	book *book
	sick bool // the last write failed
}

// item is an event with bytes of its own.
type item struct {
	e    trace.Event
	date time.Time // of an INVITE
}

// Open opens the file and begins to take events.
func Open(cfg Config) (*Recorder, error) {
	if cfg.Queue <= 0 {
		cfg.Queue = defaultQueue
	}
	if cfg.Log == nil {
		cfg.Log = zap.NewNop()
	}
	r := &Recorder{cfg: cfg, queue: make(chan item, cfg.Queue), stop: make(chan struct{}), book: newBook(cfg.Privacy)}
	if err := r.open(); err != nil {
		return nil, err
	}
	r.done.Go(r.run)
	return r, nil
}

func (r *Recorder) open() error {
	f, err := os.OpenFile(r.cfg.Path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(fmt.Errorf("record: %w", err), f.Close())
	}
	r.file, r.size = f, info.Size()
	return nil
}

// Written and Dropped count calls that were written, and events that were lost because the file was too slow.
func (r *Recorder) Written() uint64 { return r.written.Load() }

// Dropped counts the events that were lost because the queue was full.
func (r *Recorder) Dropped() uint64 { return r.dropped.Load() }

// The beginnings of the messages that records are made of.
var kept = [][]byte{[]byte("INVITE "), []byte("CANCEL "), []byte("SIP/2.0 ")}

// Trace takes an event; it never waits.
func (r *Recorder) Trace(e trace.Event) {
	it := item{e: e}
	switch e.Kind {
	case trace.Saw:
		return
	case trace.Received, trace.Sent:
		if !begins(e.Bytes) {
			return
		}
		if e.Kind == trace.Received {
			it.date = r.cfg.Clock.Date()
		}
		it.e.Bytes = bytes.Clone(e.Bytes)
	}
	select {
	case r.queue <- it:
	default:
		r.dropped.Add(1)
	}
}

func begins(b []byte) bool {
	for _, k := range kept {
		if bytes.HasPrefix(b, k) {
			return true
		}
	}
	return false
}

// run writes records until Close.
func (r *Recorder) run() {
	for {
		select {
		case it := <-r.queue:
			r.take(&it)
		case <-r.stop:
			for {
				select {
				case it := <-r.queue:
					r.take(&it)
				default:
					return
				}
			}
		}
	}
}

func (r *Recorder) take(it *item) {
	rec := r.book.add(it)
	if rec == nil {
		return
	}
	line, err := json.Marshal(rec)
	if err == nil {
		err = r.write(append(line, '\n'))
	}
	if err != nil {
		r.dropped.Add(1)
		if !r.sick {
			r.cfg.Log.Error("calls are not recorded", zap.Error(err))
		}
	}
	r.sick = err != nil
}

// write appends a line, to a new file if it would not fit.
func (r *Recorder) write(line []byte) error {
	if r.size > 0 && r.size+int64(len(line)) > r.cfg.MaxSize/2 {
		if err := r.file.Close(); err != nil {
			return err
		}
		if err := os.Rename(r.cfg.Path, r.cfg.Path+".1"); err != nil {
			return err
		}
		if err := r.open(); err != nil {
			return err
		}
	}
	n, err := r.file.Write(line)
	r.size += int64(n)
	if err == nil {
		r.written.Add(1)
	}
	return err
}

// Close writes what waits and closes the file. Events that come later are lost.
func (r *Recorder) Close() (err error) {
	r.close.Do(func() {
		close(r.stop)
		r.done.Wait()
		err = r.file.Close()
	})
	return err
}
