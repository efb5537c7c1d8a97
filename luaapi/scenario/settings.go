package scenario

import (
	"cmp"
	"maps"
	"net/netip"

	"tandem/engine/auth"
	"tandem/engine/leg"
	"tandem/engine/location"
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
	// Auth says whose calls need credentials; nil = nobody's.
	Auth *auth.Config
	// Register bounds what its users register; nil = as without a word of the configuration.
	Register *location.Limits
	// Passwords are those of its users by name: their callers answer challenges with them.
	Passwords map[string]string
}

// WithUsers returns settings with more users, by name, or with other passwords for them.
func (s Settings) WithUsers(passwords map[string]string) (Settings, error) {
	all := maps.Clone(s.Passwords)
	if all == nil {
		all = make(map[string]string)
	}
	maps.Copy(all, passwords)
	var own auth.Config
	realm := "tandem"
	if s.Auth != nil {
		own, realm = *s.Auth, s.Auth.Realm()
	}
	var list []auth.User
	for name, password := range all {
		list = append(list, auth.User{Name: name, Password: password})
	}
	users, err := auth.NewUsers(realm, list)
	if err != nil {
		return s, err
	}
	own.Users = users
	s.Auth, s.Passwords = &own, all
	return s, nil
}

// Login is what a caller says to challenges.
type Login = leg.Login

// Login returns what the caller of a From has to say for himself: if it names a user of ours, his password; else nil, he answers no challenge.
func (s Settings) Login(from string) *Login {
	if s.Auth == nil {
		return nil
	}
	user := string(s.Auth.UserOf([]byte(from)))
	if user == "" {
		return nil
	}
	return NewLogin(user, s.Passwords[user])
}

// NewLogin returns what a caller with a name and a password says to challenges.
func NewLogin(user, password string) *Login {
	return &Login{User: user, Password: password, Cnonce: "test"}
}

// Registrations bound what users register; tests have a registrar also where nobody is asked for credentials.
func (s Settings) Registrations() *location.Limits {
	if s.Register != nil {
		return s.Register
	}
	l := location.DefaultLimits
	return &l
}

// Domain is one whose users are ours.
func (s Settings) Domain() string {
	if s.Auth != nil && len(s.Auth.Domains) > 0 {
		return s.Auth.Domains[0]
	}
	return ToHost
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
