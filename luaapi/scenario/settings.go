package scenario

import (
	"cmp"
	"net/netip"

	"tandem/luaapi"
)

// Settings are what the configuration beside scripts says of the engine that runs them.
type Settings struct {
	// Instructions of the machine, as its meter counts them, and Bytes that are made, are what a handler may use; 0 = the defaults of package luaapi.
	Instructions, Bytes int
	// Trusted are the networks of the trust domain.
	Trusted []netip.Prefix
	// Emergency are the emergency numbers.
	Emergency []string
}

// Budgets returns what a handler may use.
func (s Settings) Budgets() (instructions, bytes int) {
	return cmp.Or(s.Instructions, luaapi.DefaultBudget), cmp.Or(s.Bytes, luaapi.DefaultMemory)
}

// SettingsOf returns what the configuration says for the scripts at a root, a folder or a file; nil = the defaults for all.
type SettingsOf func(root string) (Settings, error)

// At returns the settings of the scripts at a root.
func (of SettingsOf) At(root string) (Settings, error) {
	if of == nil {
		return Settings{}, nil
	}
	return of(root)
}
