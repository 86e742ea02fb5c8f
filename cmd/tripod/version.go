package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/tripod-audit/tripod/internal/audit"
)

type versionCommand struct {
	JSON bool `help:"Print one JSON object."`
}

func (c *versionCommand) Run(std streams) error {
	v := version()
	if c.JSON {
		return printJSON(std.out, map[string]any{"version": v, "go": runtime.Version(), "record_schema": audit.SchemaVersion})
	}
	_, err := fmt.Fprintf(std.out, "tripod %s (record schema %d, %s)\n", v, audit.SchemaVersion, runtime.Version())
	return err
}

// version is what the build says of itself: a tag, else the commit, else "devel".
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value[:min(12, len(s.Value))]
		}
	}
	if v == "" || v == "(devel)" {
		return "devel"
	}
	return v
}
