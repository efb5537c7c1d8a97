package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the linker of a release.
var version = "devel"

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noMore,
		Run: func(cmd *cobra.Command, _ []string) {
			cmd.Println(versionLine())
		},
	}
}

func versionLine() string {
	return "tandem " + versionText() + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}

// versionText is the release, or the commit that was built.
func versionText() string {
	info, ok := debug.ReadBuildInfo()
	if version != "devel" || !ok {
		return version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return version + "-" + s.Value[:12]
		}
	}
	return version
}
