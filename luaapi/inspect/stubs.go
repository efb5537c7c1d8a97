package inspect

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"tandem/luaapi/api"
)

// stubsAt is where stubs lie in a folder of scripts: scripts whose path starts with a dot are not loaded.
const stubsAt = ".tandem/stubs"

// WriteStubs writes the stubs for editors below a folder, and .luarc.json, which leads the language server to them. A
// .luarc.json that is there is left alone. It says on out what it did.
func WriteStubs(dir string, out io.Writer) error {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is no folder", dir)
	}
	at := filepath.Join(dir, filepath.FromSlash(stubsAt))
	if err := os.MkdirAll(at, 0o755); err != nil {
		return fmt.Errorf("cannot write the stubs: %w", err)
	}
	stubs := api.Stubs()
	for _, name := range slices.Sorted(maps.Keys(stubs)) {
		if err := os.WriteFile(filepath.Join(at, name), []byte(stubs[name]), 0o644); err != nil {
			return fmt.Errorf("cannot write the stubs: %w", err)
		}
		fmt.Fprintln(out, filepath.Join(at, name))
	}
	return writeRC(filepath.Join(dir, ".luarc.json"), out)
}

func writeRC(file string, out io.Writer) error {
	want := api.LuaRC(stubsAt)
	have, err := os.ReadFile(file)
	switch {
	case err == nil && string(have) == want:
	case err == nil:
		fmt.Fprintf(out, "%s is there already: add %q to its workspace.library\n", file, stubsAt)
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot write the stubs: %w", err)
	default:
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			return fmt.Errorf("cannot write the stubs: %w", err)
		}
	}
	fmt.Fprintln(out, file)
	return nil
}
