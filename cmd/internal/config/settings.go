package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tandem/luaapi/scenario"
)

// Name is what a configuration file is called that stands beside the scripts.
const Name = "tandem.toml"

// SettingsOf returns what the configuration, which was checked, says to tests.
func (c *Config) SettingsOf() scenario.Settings {
	s := scenario.Settings{Instructions: c.Budget, Bytes: c.ScriptMemory << 20, Trusted: c.TrustDomain(), Emergency: c.Emergency, Auth: c.Credentials(), Register: c.Registrations()}
	if s.Auth == nil {
		return s
	}
	passwords := make(map[string]string)
	for _, u := range c.Users {
		passwords[u.Name] = cmp.Or(u.Password, "the password of "+u.Name) // nobody knows it who has its HA1: tests have one of their own
	}
	if own, err := s.WithUsers(passwords); err == nil {
		return own
	}
	return s
}

// Beside returns what tandem.toml beside the scripts at a root says to tests; the defaults if there is none.
func Beside(root string) (scenario.Settings, error) {
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		root = filepath.Dir(root)
	}
	c, err := Read(filepath.Join(root, Name))
	if errors.Is(err, fs.ErrNotExist) {
		c, err = Default(), nil
	}
	return c.SettingsOf(), err
}
