package main

import (
	"fmt"

	"github.com/tripod-audit/tripod/internal/forward/downstream"
)

type exportCommand struct {
	SIEM exportSIEMCommand `cmd:"" name:"siem" help:"Write the mappings a SIEM needs for Tripod's events: Splunk CIM, Sentinel ASIM, Google UDM, pySigma."`
}

type exportSIEMCommand struct {
	To      string   `required:"" help:"Directory to write to; files of an earlier run are replaced." placeholder:"DIR"`
	Targets []string `arg:"" optional:"" name:"target" help:"Only for these: ${enum}." enum:"splunk,sentinel,secops,pysigma"`
}

func (c *exportSIEMCommand) Run(std streams) error {
	targets := c.Targets
	if len(targets) == 0 {
		targets = downstream.Targets()
	}
	paths, err := downstream.Write(c.To, targets)
	for _, path := range paths {
		fmt.Fprintln(std.out, plain(path))
	}
	return err
}
