package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/tripod-audit/tripod/internal/app"
)

// Exit codes, a contract: scripts rely on them.
const (
	exitDone        = 0
	exitWanting     = 1 // found wanting: a verification failed
	exitUsage       = 2
	exitUnreachable = 3 // could not reach or read something
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // a person reads err
}

// wanting is the error of a command that did its work and found something wrong.
type wanting struct{ error }

// usage is the error of a command that was called wrongly.
type usage struct{ error }

func (e wanting) Unwrap() error { return e.error }
func (e usage) Unwrap() error   { return e.error }

// dataFlag names the data directory; every command that reads or writes one embeds it.
type dataFlag struct {
	Data string `help:"Data directory (default tripod-data)." default:"tripod-data" env:"TRIPOD_DATA" placeholder:"DIR"`
}

// commands is the whole command line.
type commands struct {
	Demo          demoCommand          `cmd:"" help:"A whole simulated enterprise and a whole Tripod on loopback."`
	Serve         serveCommand         `cmd:"" help:"Collect, store and prove: the real thing."`
	Console       consoleCommand       `cmd:"" help:"Print a link into the console of the serve that runs here."`
	Access        accessCommand        `cmd:"" help:"Who may do what: API tokens, sign-ins, the identity provider, the table of rights."`
	Import        importCommand        `cmd:"" help:"Take in an audit log export of claude.ai (CSV)."`
	Search        searchCommand        `cmd:"" help:"Search records, newest first."`
	Session       sessionCommand       `cmd:"" help:"Show one session, all sources, in order."`
	Record        recordCommand        `cmd:"" help:"Show one record and its proof."`
	Discrepancies discrepanciesCommand `cmd:"" help:"List what disagrees, and what was expected and did not come."`
	Organisation  organisationCommand  `cmd:"" help:"Show settings and drift, keys and who uses them, accounts and leavers."`
	Reviews       reviewsCommand       `cmd:"" help:"Show who looked at what in Tripod, and what of it concerned one account."`
	Case          caseCommand          `cmd:"" help:"Open cases, and content under them."`
	Policy        policyCommand        `cmd:"" help:"Test, check and explain what policy says."`
	Export        exportCommand        `cmd:"" help:"Write files that other systems need."`
	Forward       forwardCommand       `cmd:"" help:"Send records elsewhere, and check what is sent."`
	Rules         rulesCommand         `cmd:"" help:"List, show, test and replay detections."`
	Verify        verifyCommand        `cmd:"" help:"Prove that nothing was removed or altered."`
	Recover       recoverCommand       `cmd:"" help:"Mend a data directory whose ledger is longer than its journal."`
	Rebuild       rebuildCommand       `cmd:"" help:"Throw a view away and compute it again from the journal."`
	Erase         eraseCommand         `cmd:"" help:"Destroy a record or a container's content by order; the proof stays."`
	Alert         alertCommand         `cmd:"" help:"List alerts, acknowledge and resolve them, make exceptions."`
	Hold          holdCommand          `cmd:"" help:"Set, list and release legal holds."`
	Retention     retentionCommand     `cmd:"" help:"What is kept for how long, and what a purge would destroy."`
	Backup        backupCommand        `cmd:"" help:"Back the data directory up into a repository: encrypted, incremental, also while serve runs."`
	VerifyBackup  verifyBackupCommand  `cmd:"" help:"Check a repository of backups, without restoring anything."`
	Restore       restoreCommand       `cmd:"" help:"Make a data directory of a backup, with everything erased again that was erased since."`
	Keys          keysCommand          `cmd:"" help:"Show, check and change keys."`
	Doctor        doctorCommand        `cmd:"" help:"Check that everything is in order and say what to do where it is not."`
	Simulate      simulateCommand      `cmd:"" help:"Stand in for an outside system, on loopback."`
	Version       versionCommand       `cmd:"" help:"Print the version."`
}

// run parses the arguments, runs one command and turns its error into one line and an exit code.
func run(ctx context.Context, args []string, std streams) int {
	var cli commands
	code := -1
	ctx = asked(ctx, "")
	parser, err := kong.New(&cli,
		kong.Name("tripod"),
		kong.Description("The audit system for an enterprise's use of Claude: who did what, and the proof."),
		kong.Writers(std.out, std.err),
		kong.Exit(func(c int) { code = c }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(std),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(std.err, "tripod:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	if args[0] == "help" { // as people try it: tripod help verify
		args = append(slices.Clone(args[1:]), "--help")
	}
	parsed, err := parser.Parse(negations(args))
	if code >= 0 {
		return code // --help wrote its text
	}
	if err != nil {
		fmt.Fprintf(std.err, "tripod: %s\n", misuse(err))
		return exitUsage
	}
	return report(std, parsed.Run())
}

// misuse says what is wrong with the arguments and which help tells how it is done.
func misuse(err error) string {
	command := "tripod"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		command = parse.Context.Selected().Path()
		if !strings.HasPrefix(command, "tripod") {
			command = "tripod " + command
		}
	}
	text := strings.Replace(err.Error(), `must be one of "",`, "must be one of ", 1) // "" is how kong spells that it may be left out
	return text + "; see " + command + " --help"
}

// report prints an error on one line and chooses the exit code.
func report(std streams, err error) int {
	if err == nil {
		return exitDone
	}
	var w wanting
	var u usage
	switch {
	case errors.As(err, &w), errors.Is(err, app.ErrForbidden):
		printError(std, err)
		return exitWanting
	case errors.As(err, &u):
		// A query error shows the place with a caret on lines of its own.
		fmt.Fprintln(std.err, "tripod:", err)
		return exitUsage
	}
	printError(std, err)
	return exitUnreachable
}

func printError(std streams, err error) {
	fmt.Fprintln(std.err, "tripod:", strings.ReplaceAll(err.Error(), "\n", "; "))
}
