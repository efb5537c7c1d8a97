package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/server"
	"tandem/engine/transport"
)

// runFlags are the flags of run, which go before the configuration.
type runFlags struct {
	set               func(name string) bool // was a flag given
	file, admin       string
	level             string
	listen, advertise []string
	certificate, key  string
	drain             int
}

func newRunCommand() *cobra.Command {
	var r runFlags
	cmd := &cobra.Command{
		Use:   "run [SCRIPTS]",
		Short: "Route calls by scripts, reloading them when they change",
		Long: "Route SIP calls by main.lua in SCRIPTS, the present folder if not given; SCRIPTS may be one file too. run listens on " + config.DefaultListen + " unless told\n" +
			"otherwise, and loads scripts again when they are saved, on SIGHUP and on `tandem reload`. tandem.toml in SCRIPTS is read if it is\n" +
			"there, and again like the scripts; flags win over it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := r.read(args)
			if err != nil {
				return exit.With(exit.Usage, err)
			}
			return serve(cmd.Context(), &f, &r, args)
		},
	}
	f := cmd.Flags()
	r.set = f.Changed
	configFlag(cmd, &r.file)
	f.StringArrayVar(&r.listen, "listen", nil, "listen on `udp:IP:PORT`, or tcp, tls, ws, wss; may be repeated, replaces the listeners of the configuration")
	f.StringArrayVar(&r.advertise, "advertise", nil, "tell peers `IP:PORT` instead of the address of the listener at the same place")
	f.StringVar(&r.certificate, "certificate", "", "the `file` with the certificates (PEM) of tls and wss listeners that have none")
	f.StringVar(&r.key, "key", "", "the `file` with the key of --certificate")
	f.StringVar(&r.level, "log", "", "log from this `level` on: debug, info, warn, error")
	f.IntVar(&r.drain, "drain", config.DefaultDrain, "after SIGTERM turn new calls away and let others go on for so many `seconds`")
	adminFlag(cmd, &r.admin)
	return cmd
}

// read reads the configuration and puts the flags before it.
func (r *runFlags) read(args []string) (config.File, error) {
	f, err := configure(r.file, args)
	if err != nil {
		return f, err
	}
	c := &f.Config
	if r.set("admin") {
		c.Admin = r.admin
	}
	if r.set("log") {
		c.Log = r.level
	}
	if r.set("drain") {
		c.Drain = r.drain
	}
	if err := overrideListeners(c, r.listen, r.advertise, r.certificate, r.key); err != nil {
		return f, err
	}
	if err := c.Check(); err != nil {
		return f, flagError(&f, err)
	}
	return f, nil
}

// watched is the file that the configuration is read from, whether it is there or not; empty = there can be none.
func (r *runFlags) watched(args []string) string {
	scripts := "."
	if len(args) > 0 {
		scripts = args[0]
	}
	if r.file != "" {
		return r.file
	}
	if info, err := os.Stat(scripts); err != nil || !info.IsDir() {
		return ""
	}
	return filepath.Join(scripts, config.Name)
}

// configure reads the configuration: the file named, else tandem.toml beside the scripts, else the defaults.
func configure(file string, args []string) (config.File, error) {
	scripts := ""
	if len(args) > 0 {
		scripts = args[0]
	}
	if file == "" {
		beside := filepath.Join(scripts, config.Name)
		if _, err := os.Stat(beside); err == nil {
			file = beside
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return config.File{}, fmt.Errorf("configuration: %w", err)
		}
	}
	f := config.File{Config: config.Default()}
	if file != "" {
		var err error
		if f, err = config.ReadFile(file); err != nil {
			return f, err
		}
	}
	c := &f.Config
	if scripts != "" {
		c.Scripts = scripts
	}
	// A path and not the folder that "." is now: another folder may be put in its place.
	if abs, err := filepath.Abs(c.Scripts); err == nil {
		c.Scripts = abs
	}
	return f, nil
}

// overrideListeners puts the listeners of the flags in place of those of the configuration.
func overrideListeners(c *config.Config, listen, advertise []string, certificate, key string) error {
	if len(listen) > 0 {
		c.Listeners = nil
	}
	for _, l := range listen {
		c.Listeners = append(c.Listeners, config.Listener{Address: l})
	}
	if len(c.Listeners) == 0 {
		c.Listeners = []config.Listener{{Address: config.DefaultListen}}
	}
	if len(advertise) > len(c.Listeners) {
		return fmt.Errorf("--advertise is given %d times for %d listeners", len(advertise), len(c.Listeners))
	}
	for i, a := range advertise {
		c.Listeners[i].Advertise = a
	}
	if (certificate == "") != (key == "") {
		return errors.New("--certificate and --key go together")
	}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		if listen, err := transport.ParseListen(l.Address); err == nil && listen.Transport.Secure() && len(l.Certificate) == 0 && certificate != "" {
			l.Certificate, l.Key = []string{certificate}, []string{key}
		}
	}
	return nil
}

// flagError names the flag that set a value which cannot be used: what the file sets was checked when it was read.
func flagError(f *config.File, err error) error {
	flags := map[string]string{"admin": "--admin", "log": "--log", "address": "--listen", "advertise": "--advertise", "drain": "--drain"}
	var bad *config.Error
	if errors.As(err, &bad) && flags[bad.Key] != "" {
		return fmt.Errorf("%s: %s", flags[bad.Key], bad.What)
	}
	return f.Wrong(err)
}

// serve runs the server until a signal.
func serve(ctx context.Context, f *config.File, flags *runFlags, args []string) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	log, level := newLogger(f.Config.Log)
	if err := server.PaceGC(); err != nil {
		log.Warn("memory is not limited: set GOMEMLIMIT", zap.Error(err))
	}
	s, err := server.Start(ctx, server.Options{
		Config: f.Config, FileID: f.ID, File: flags.watched(args), Reread: func() (config.File, error) { return flags.read(args) },
		Log: log, Level: &level, Sockets: activation.Files(true), Product: "Tandem/" + versionText(),
	})
	if err != nil {
		return err
	}
	for _, l := range s.Addrs() {
		log.Info("listening on " + l.String())
	}
	err = wait(ctx, s, signals)
	return errors.Join(err, s.Close())
}

// wait returns when the server is to end: at once on an interrupt, after its calls on SIGTERM, unless there is a second signal.
func wait(ctx context.Context, s *server.Server, signals <-chan os.Signal) error {
	for {
		select {
		case err := <-s.Failed():
			return exit.With(exit.Listen, err)
		case sig := <-signals:
			switch sig {
			case syscall.SIGHUP:
				s.Reload(ctx)
			case os.Interrupt:
				return errInterrupted
			default:
				return drain(ctx, s, signals)
			}
		}
	}
}

func drain(ctx context.Context, s *server.Server, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	go func() { s.Drain(ctx, s.DrainTime()); close(over) }()
	for {
		select {
		case err := <-s.Failed():
			return exit.With(exit.Listen, err)
		case <-over:
			return nil
		case sig := <-signals:
			switch sig {
			case syscall.SIGHUP: // nothing new will run the scripts
			case os.Interrupt:
				return errInterrupted
			default:
				return nil
			}
		}
	}
}
