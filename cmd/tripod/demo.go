package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

type demoCommand struct {
	Data     *string       `help:"A new data directory (default: a temporary one, removed at the end)." placeholder:"DIR"`
	Headless bool          `help:"Print one JSON summary at the end and nothing else."`
	For      time.Duration `help:"How long to go on; without it until Ctrl-C, headless 20s." placeholder:"30s"`
	Seed     uint64        `help:"Another seed, another enterprise." default:"1"`
	End      string        `help:"End of the history, RFC 3339 or a date, for repeatable pictures and tests (default: now)." placeholder:"TIME"`
	listenFlags
}

func (c *demoCommand) Run(ctx context.Context, std streams) error {
	spareMemory()
	end, err := c.end(time.Now())
	if err != nil {
		return usage{fmt.Errorf("demo: %w", err)}
	}
	dir, remove, err := c.directory()
	if err != nil {
		return err
	}
	return errors.Join(c.play(ctx, std, dir, end), remove())
}

// end is when the history ends; zero is now.
func (c *demoCommand) end(now time.Time) (time.Time, error) {
	if c.End == "" {
		return time.Time{}, nil
	}
	end, err := moment(c.End)
	switch {
	case err != nil:
		return end, fmt.Errorf("--end: %w", err)
	case end.After(now):
		return end, fmt.Errorf("--end: %s is yet to come, and history does not go beyond now", c.End)
	}
	return end, nil
}

func (c *demoCommand) play(ctx context.Context, std streams, dir string, end time.Time) error {
	cfg := config.Default()
	free := "127.0.0.1:0"
	cfg.Override(config.Overrides{ListenConsole: &free, ListenOTLPHTTP: &free, ListenOTLPGRPC: &free, ListenGateway: &free})
	cfg.Override(c.overrides(&dir))
	if cfg.Listen.OTLPHTTP == "" {
		return usage{errors.New("demo: its clients deliver over HTTP: --listen-otlp-http (TRIPOD_LISTEN_OTLP_HTTP) cannot be empty, leave it out")}
	}
	// The demo captures everything it invents.
	cfg.Capture = capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}}
	if c.Headless && c.For == 0 {
		c.For = 20 * time.Second
	}
	started := false
	demo := app.DemoOptions{
		Config: cfg, Logger: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelWarn})), Seed: c.Seed, End: end, For: c.For,
		Started: func(d app.DemoStarted) {
			if started = true; !c.Headless {
				fmt.Fprint(std.out, c.welcome(dir, d))
			}
		},
	}
	if !c.Headless {
		fmt.Fprintln(std.out, "Playing a week of a simulated enterprise through the real receiver …")
	}
	err := app.Demo(ctx, demo)
	switch {
	case !started && ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(std.err, "Ended before anything was played.")
		return nil
	case err != nil:
		return err
	case !started:
		fmt.Fprintln(std.err, "Ended before the whole history was in.")
	}
	return c.summarise(context.WithoutCancel(ctx), std, dir)
}

// summarise prints what is in the journal at the end.
func (c *demoCommand) summarise(ctx context.Context, std streams, dir string) error {
	summary, err := app.Summarise(ctx, dir)
	if err == nil && c.Headless {
		err = printJSON(std.out, summary)
	} else if err == nil {
		_, err = fmt.Fprintf(std.out, "\n%s records, %s under a signed checkpoint; %s; discrepancies: %d\n", thousands(int64(summary.Records)),
			thousands(int64(summary.LedgerSize)), summary.Statement, summary.Discrepancies)
	}
	if err == nil && !summary.Verified {
		err = wanting{fmt.Errorf("the demo's journal does not verify: %s", summary.Statement)}
	}
	return err
}

// directory is the one named, or a temporary one that goes away at the end.
func (c *demoCommand) directory() (string, func() error, error) {
	if c.Data != nil {
		if entries, err := os.ReadDir(*c.Data); err == nil && len(entries) > 0 {
			return "", nil, usage{fmt.Errorf("demo: %s is not empty: simulated records do not belong among real ones, name a new directory", *c.Data)}
		}
		return *c.Data, func() error { return nil }, nil
	}
	dir, err := os.MkdirTemp("", "tripod-demo-")
	if err != nil {
		return "", nil, fmt.Errorf("make a data directory for the demo: %w", err)
	}
	return dir, func() error { return os.RemoveAll(dir) }, nil
}

// welcome says where to look and what to try.
func (c *demoCommand) welcome(dir string, d app.DemoStarted) string {
	tripod := quote(os.Args[0])
	if exe, err := os.Executable(); err == nil && filepath.Base(filepath.Dir(exe)) == "exe" { // go run
		tripod = "go run ./cmd/tripod"
	}
	data, key := quote(dir), quote(filepath.Join(dir, "keys", "ledger.pub"))
	night, _ := d.World.When(world.DeniedTool, d.From)
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s (invented): %s records of %s to %s, received and indexed in %.1f s.\n\n", d.World.Org.Name, thousands(int64(d.Records)),
		d.From.Format("Mon 2006-01-02 15:04"), d.To.Format("Mon 2006-01-02 15:04 UTC"), d.Took.Seconds())
	where, overview := "in another terminal", ""
	if d.Link != "" {
		overview = ": open discrepancies on the overview, or"
		where = "in the console or in another terminal"
		fmt.Fprintf(&b, "  console   %s\n            (works once, for 15 minutes; another: %s console --data %s)\n", d.Link, tripod, data)
	}
	for _, p := range d.People {
		fmt.Fprintf(&b, "  as %s, %s\n            %s\n", p.Name, p.Role, p.Link)
	}
	fmt.Fprintf(&b, "  data      %s\n  OTLP      %s", dir, d.OTLPHTTP)
	if d.OTLPGRPC != "" {
		fmt.Fprintf(&b, " and grpc %s", d.OTLPGRPC)
	}
	if d.Gateway != "" {
		fmt.Fprintf(&b, "\n  gateway   %s", d.Gateway)
	}
	fmt.Fprintf(&b, `

Things to try, %[1]s:

  what dana did on Tuesday night, as her client told it and as the vendor saw it; what was refused, with outcome:denied
      %[2]s search 'user:dana@%[3]s after:%[4]sT18:00 before:%[8]s' --oldest --data %[5]s
  what is missing from a silenced laptop%[7]s
      %[2]s discrepancies --data %[5]s      and then    %[2]s session ID --data %[5]s
%[9]s%[10]s  that nothing was altered or removed
      %[2]s verify --data %[5]s --key %[6]s

Live activity goes on; Ctrl-C ends it`, where, tripod, d.World.Org.Domain, night.Format(time.DateOnly), data, key, overview, night.AddDate(0, 0, 1).Format(time.DateOnly), c.stopped(tripod, data, d), c.opened(d))
	if c.Data == nil {
		b.WriteString(" and removes its directory")
	}
	return b.String() + ".\n"
}

// stopped says what to look at where model traffic went through the gateway.
func (c *demoCommand) stopped(tripod, data string, d app.DemoStarted) string {
	if d.Model.Exchanges == 0 {
		return ""
	}
	return fmt.Sprintf("  what passed the LLM gateway (%s exchanges), and the call that a rule stopped\n      %s search 'source:gateway.llm outcome:denied' --data %s\n",
		thousands(int64(d.Model.Exchanges)), tripod, data)
}

// opened says where what was written may be read, by whom.
func (c *demoCommand) opened(d app.DemoStarted) string {
	if d.Case == "" || d.Link == "" {
		return ""
	}
	return fmt.Sprintf("  who may read what was written, why and until when: case %[1]s\n      %[2]s/cases/%[1]s\n", d.Case, d.Console)
}

// quote is a word as a shell takes it.
func quote(word string) string {
	special := func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=:,./@%", r)
		return !plain && (r != '\\' || filepath.Separator == '/')
	}
	if word != "" && !strings.ContainsFunc(word, special) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
