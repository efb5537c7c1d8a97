package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"tandem/luaapi/luatest"
)

// Name is what a configuration file is called that stands beside the scripts.
const Name = "tandem.toml"

// BudgetsOf returns the budgets of handlers by the configuration.
func (c *Config) BudgetsOf() luatest.Budgets {
	return luatest.Budgets{Instructions: c.Budget, Bytes: c.ScriptMemory << 20}
}

// Beside returns the budgets that tandem.toml beside the scripts at a root gives handlers; the defaults if there is none.
func Beside(root string) (luatest.Budgets, error) {
	if info, err := os.Stat(root); err == nil && !info.IsDir() {
		root = filepath.Dir(root)
	}
	c, err := Read(filepath.Join(root, Name))
	if errors.Is(err, fs.ErrNotExist) {
		c, err = Default(), nil
	}
	return c.BudgetsOf(), err
}
