package starter

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/cmd/internal/config"
	"tandem/luaapi/inspect"
	"tandem/luaapi/luatest"
)

// What every template makes is checked without findings and tested green.
func TestTemplates(t *testing.T) {
	for _, tmpl := range Templates {
		t.Run(tmpl.Name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			files, err := Files(tmpl.Name)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Write(".", files); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Read("tandem.toml"); err != nil {
				t.Error(err)
			}
			var out strings.Builder
			found, err := inspect.Run(inspect.Options{Out: &out})
			if err != nil || found.Errors+found.Warnings > 0 {
				t.Errorf("%v\n%s", err, &out)
			}
			out.Reset()
			sum, err := luatest.Run(t.Context(), luatest.Options{Out: &out, Seed: 1, Settings: config.Beside})
			if err != nil || sum.Bad() || sum.Broken > 0 || sum.Passed < 4 {
				t.Errorf("%v\n%s", err, &out)
			}
		})
	}
}

// What others begin with says that there are users, as the office has.
func TestCommonUsers(t *testing.T) {
	common, err := Files("minimal")
	if err != nil || !strings.Contains(string(common["tandem.toml"]), "[[user]]") {
		t.Error("the configuration that others begin with does not say that there are users", err)
	}
}

func TestNoTemplate(t *testing.T) {
	if _, err := Files("ring-groups"); err == nil || !strings.Contains(err.Error(), `did you mean "ring-group"?`) {
		t.Error(err)
	}
}

// A file that is there stays as it is, and none is written beside it.
func TestOverwritesNothing(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "main_test.lua")
	if err := os.WriteFile(at, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := Files("minimal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, files); !errors.Is(err, ErrThere) || !strings.HasPrefix(err.Error(), at) {
		t.Error(err)
	}
	all, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(at); err != nil || len(all) != 1 || string(text) != "mine" {
		t.Error(all, err)
	}
}
