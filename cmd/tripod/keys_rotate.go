package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/tripod-audit/tripod/internal/app"
)

type keysRotate struct {
	Master keysRotateMaster `cmd:"" help:"Put all data keys under a new master key. serve must not run."`
	Ledger keysRotateLedger `cmd:"" help:"Make a new signing key, which the old one hands over to. serve must not run."`
	Data   keysRotateData   `cmd:"" help:"Encrypt content anew under new data keys."`
}

type keysRotateMaster struct {
	dataFlag
	configFlag
	NewFrom string `help:"File with the new master key (0600). Without it one is made in keys/master.key." placeholder:"FILE"`
	JSON    bool   `help:"Print one JSON object."`
}

func (c *keysRotateMaster) Run(ctx context.Context, std streams) error {
	done, err := app.RotateMaster(asked(ctx, c.Config), c.Data, c.NewFrom)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, done)
	}
	fmt.Fprintf(std.out, "%d data keys are under the new master key; the old one opens nothing here any more, only older backups of keys\n", done.Keys)
	if done.Elsewhere {
		fmt.Fprintln(std.out, "the master key comes from the environment: give it the new one before the next start")
	}
	_, err = fmt.Fprintln(std.out, "back up now: tripod backup REPO --recipient age1…")
	return err
}

type keysRotateLedger struct {
	dataFlag
	configFlag
	JSON bool `help:"Print one JSON object."`
}

func (c *keysRotateLedger) Run(ctx context.Context, std streams) error {
	done, err := app.RotateLedger(asked(ctx, c.Config), c.Data)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, done)
	}
	_, err = fmt.Fprintf(std.out, "%s\nis the new verifier key; verify --key with the old one follows the hand-over. Give the new one to who holds the old, and back up now\n", done.Key)
	return err
}

type keysRotateData struct {
	dataFlag
	configFlag
	Container string `help:"Of this container." xor:"what" placeholder:"ID"`
	All       bool   `help:"Of all containers; writes all content once." xor:"what"`
	JSON      bool   `help:"Print one JSON object."`
}

func (c *keysRotateData) Run(ctx context.Context, std streams) error {
	if c.Container == "" && !c.All {
		return usage{errors.New("keys rotate data: name --container ID, or --all")}
	}
	done, err := app.RotateData(asked(ctx, c.Config), c.Data, c.Container)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(std.out, done)
	}
	_, err = fmt.Fprintf(std.out, "%d containers have a new key; files of keys in backups open old copies until they expire\n", done.Keys)
	return err
}

type keysCheck struct {
	dataFlag
	JSON bool `help:"Print one JSON object a line."`
}

func (c *keysCheck) Run(ctx context.Context, std streams) error {
	bad := false
	for _, f := range app.CheckKeys(ctx, c.Data) {
		bad = bad || !f.OK
		if c.JSON {
			if err := printJSON(std.out, f); err != nil {
				return err
			}
			continue
		}
		verdict := "ok  "
		if !f.OK {
			verdict = "FAIL"
		}
		fmt.Fprintf(std.out, "%s %s: %s\n", verdict, f.Check, plain(f.Text))
		if f.Fix != "" {
			fmt.Fprintf(std.out, "     %s\n", plain(f.Fix))
		}
	}
	if bad {
		return wanting{errors.New("a key is missing or wrong")}
	}
	return nil
}
