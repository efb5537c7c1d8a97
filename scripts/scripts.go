// Package scripts is the library of Lua modules that is shipped inside Tandem: `require "diversion"` finds diversion.lua here, unless the script has a file of
// that name. It holds no state. The modules have tests beside them, which `tandem test` runs.
package scripts

import "embed"

// Files are the modules.
//
//go:embed diversion.lua flow.lua follow_me.lua forward.lua history.lua hunt.lua lcr.lua sequence.lua team.lua
var Files embed.FS
