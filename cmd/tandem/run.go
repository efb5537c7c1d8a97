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
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"tandem/cmd/internal/config"
	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/server"
	"tandem/engine/transport"
)

func newRunCommand() *cobra.Command {
	var file, admin, level string
	var listen, advertise []string
	var certificate, key string
	var drain int
	cmd := &cobra.Command{
		Use:   "run [SCRIPTS]",
		Short: "Route calls by scripts, reloading them when they change",
		Long: "Route SIP calls by main.lua in SCRIPTS, the present folder if not given; SCRIPTS may be one file too. run listens on " + config.DefaultListen + " unless told\n" +
			"otherwise, and loads scripts again when they are saved, on SIGHUP and on `tandem reload`. tandem.toml in SCRIPTS is read if it is\n" +
			"there; flags go before it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := configure(file, args)
			if err != nil {
				return exit.With(exit.Usage, err)
			}
			if cmd.Flags().Changed("admin") {
				c.Admin = admin
			}
			if cmd.Flags().Changed("log") {
				c.Log = level
			}
			if cmd.Flags().Changed("drain") {
				c.Drain = drain
			}
			if err := overrideListeners(&c, listen, advertise, certificate, key); err != nil {
				return exit.With(exit.Usage, err)
			}
			if err := c.Check(); err != nil {
				return exit.With(exit.Usage, flagError(err))
			}
			return serve(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	configFlag(cmd, &file)
	f.StringArrayVar(&listen, "listen", nil, "listen on `udp:IP:PORT`, or tcp, tls, ws, wss; may be repeated, replaces the listeners of the configuration")
	f.StringArrayVar(&advertise, "advertise", nil, "tell peers `IP:PORT` instead of the address of the listener at the same place")
	f.StringVar(&certificate, "certificate", "", "the `file` with the certificates (PEM) of tls and wss listeners that have none")
	f.StringVar(&key, "key", "", "the `file` with the key of --certificate")
	f.StringVar(&level, "log", "", "log from this `level` on: debug, info, warn, error")
	f.IntVar(&drain, "drain", config.DefaultDrain, "after SIGTERM turn new calls away and let others go on for so many `seconds`")
	adminFlag(cmd, &admin)
	return cmd
}

// configure reads the configuration: the file named, else tandem.toml beside the scripts, else the defaults.
func configure(file string, args []string) (config.Config, error) {
	scripts := ""
	if len(args) > 0 {
		scripts = args[0]
	}
	if file == "" {
		beside := filepath.Join(scripts, "tandem.toml")
		if _, err := os.Stat(beside); err == nil {
			file = beside
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
			return config.Config{}, fmt.Errorf("configuration: %w", err)
		}
	}
	c := config.Default()
	if file != "" {
		var err error
		if c, err = config.Read(file); err != nil {
			return config.Config{}, err
		}
	}
	if scripts != "" {
		c.Scripts = scripts
	}
	// A path and not the folder that "." is now: another folder may be put in its place.
	if abs, err := filepath.Abs(c.Scripts); err == nil {
		c.Scripts = abs
	}
	return c, nil
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
func flagError(err error) error {
	flags := map[string]string{"admin": "--admin", "log": "--log", "address": "--listen", "advertise": "--advertise", "drain": "--drain"}
	var bad *config.Error
	if errors.As(err, &bad) && flags[bad.Key] != "" {
		return fmt.Errorf("%s: %s", flags[bad.Key], bad.What)
	}
	return err
}

// serve runs the server until a signal.
func serve(ctx context.Context, c config.Config) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	log := newLogger(c.Log)
	if err := server.PaceGC(); err != nil {
		log.Warn("memory is not limited: set GOMEMLIMIT", zap.Error(err))
	}
	s, err := server.Start(ctx, server.Options{Config: c, Log: log, Sockets: activation.Files(true), Product: "Tandem/" + versionText()})
	if err != nil {
		return err
	}
	for _, l := range s.Addrs() {
		log.Info("listening on " + l.String())
	}
	err = wait(ctx, s, signals, time.Duration(c.Drain)*time.Second)
	return errors.Join(err, s.Close())
}

// wait returns when the server is to end: at once on an interrupt, after its calls on SIGTERM, unless there is a second signal.
func wait(ctx context.Context, s *server.Server, signals <-chan os.Signal, limit time.Duration) error {
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
				return drain(ctx, s, signals, limit)
			}
		}
	}
}

func drain(ctx context.Context, s *server.Server, signals <-chan os.Signal, limit time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	over := make(chan struct{})
	go func() { s.Drain(ctx, limit); close(over) }()
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

// newLogger returns a logger for people, on standard error. Nothing is sampled: what failed has to be seen.
func newLogger(level string) *zap.Logger {
	lvl, err := zapcore.ParseLevel(level)
	if err != nil {
		lvl = zapcore.InfoLevel // config.Check has refused it
	}
	enc := zap.NewDevelopmentEncoderConfig()
	enc.EncodeTime = zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00")
	enc.CallerKey, enc.StacktraceKey = zapcore.OmitKey, zapcore.OmitKey
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(enc), zapcore.Lock(os.Stderr), lvl))
}
