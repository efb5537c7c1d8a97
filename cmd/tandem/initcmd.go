package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tandem/cmd/internal/exit"
	"tandem/cmd/internal/starter"
)

func newInitCommand() *cobra.Command {
	var template string
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a folder that works: a script, its tests, a configuration",
		Long: "Make DIR, the present folder if not given, a folder that works: a script, its tests, a configuration, files for editors and CI. Nothing is overwritten: if one of the files is there, none is\n" +
			"written.\n\nTemplates:\n" + templateList(),
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			files, err := starter.Files(template)
			if err != nil {
				return exit.With(exit.Usage, err)
			}
			written, err := starter.Write(dir, files)
			if err != nil {
				return exit.With(exit.Usage, err)
			}
			for _, p := range written {
				if !strings.HasPrefix(p, ".tandem/") {
					cmd.Println("wrote", filepath.Join(dir, p))
				}
			}
			cmd.Printf("\nNext:\n")
			if filepath.Clean(dir) != "." {
				cmd.Printf("  cd %s\n", dir)
			}
			cmd.Printf("  tandem test            try the script in virtual time\n")
			cmd.Printf("  tandem check           look for mistakes\n")
			cmd.Printf("  tandem run .           route calls by it\n")
			return nil
		},
	}
	cmd.Flags().StringVar(&template, "template", starter.Templates[0].Name, "begin with `NAME`: "+strings.Join(starter.Names(), ", "))
	return cmd
}

func templateList() string {
	var b strings.Builder
	for _, t := range starter.Templates {
		b.WriteString("  " + t.Name + strings.Repeat(" ", 12-len(t.Name)) + t.Says + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
