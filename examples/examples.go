// Package examples has those examples that `tandem init` hands out, so that what the documents show and what users begin with are the same
// files.
package examples

import "embed"

// Office is the folder office, without its README.
//
//go:embed office/*.lua office/tandem.toml
var Office embed.FS
