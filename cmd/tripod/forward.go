package main

type forwardCommand struct {
	Validate forwardValidateCommand `cmd:"" help:"Check OCSF events by the schema, one event a line."`
}
