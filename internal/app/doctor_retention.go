package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/keyring"
	"github.com/tripod-audit/tripod/internal/lifecycle/retention"
	"github.com/tripod-audit/tripod/internal/organisation"
)

// checkRetention says whether anything ends what is kept, who answers for it, and whether purges come to their end.
func checkRetention(ctx context.Context, r *Reading, dir string) (findings []Finding) {
	const check = "retention"
	keys, err := keyring.Load(keyring.Config{DataDir: dir, Getenv: os.Getenv})
	if err != nil {
		return nil // said above
	}
	book := retention.NewBook()
	state, err := acts.Load(ctx, dir, keys.StateKey(), r.journal, book)
	if err != nil {
		return []Finding{{Check: check, Text: err.Error(), Fix: "run tripod verify"}}
	}
	_, set, err := retention.Past(ctx, state, book)
	if err != nil {
		return []Finding{{Check: check, Text: err.Error(), Fix: "run tripod verify"}}
	}
	cfg := book.Config()
	if len(cfg.Classes) == 0 {
		return []Finding{{Check: check, OK: true, Text: "no class: everything is kept for ever. Classes stand under retention.classes of the configuration; docs/lifecycle.md has some to start from"}}
	}
	findings = append(findings, Finding{Check: check, OK: true, Text: fmt.Sprintf("%d classes, in force since %s", len(cfg.Classes), set.UTC().Format(time.RFC3339))})
	for i := range cfg.Classes {
		if f, ok := checkOwner(ctx, r, &cfg.Classes[i]); !ok {
			findings = append(findings, f)
		}
	}
	_, cursors, err := r.journal.Mark(ctx)
	if err != nil {
		return append(findings, Finding{Check: "purge", Text: err.Error(), Fix: "run tripod verify"})
	}
	return append(findings, purgeFinding(&cfg, set, retention.EndedIn(cursors), time.Now())...)
}

// checkOwner finds that who answers for a class has left, where the class names an address.
func checkOwner(ctx context.Context, r *Reading, c *retention.Class) (Finding, bool) {
	f := Finding{Check: "retention " + c.Name, Fix: "name who answers for the class now under retention.classes, then restart tripod serve"}
	if strings.TrimSpace(c.Owner) == "" {
		f.Text = "nobody answers for it"
		return f, false
	}
	if !strings.Contains(c.Owner, "@") {
		return f, true
	}
	view, err := r.Organisation(ctx)
	if err != nil {
		return f, true // said by the check of the view
	}
	account, _, err := view.Account(ctx, strings.ToLower(c.Owner))
	if err != nil || account == nil || account.State != organisation.StateLeft {
		return f, true
	}
	f.Text = c.Owner + ", who answers for it, has left"
	return f, false
}

// purgeFinding judges when a purge last came to its end. Classes that were set lately have not had the time.
func purgeFinding(cfg *retention.Config, set, ended, now time.Time) []Finding {
	const check = "purge"
	switch {
	case !cfg.Ends():
		return nil
	case !ended.IsZero() && now.Sub(ended) <= retention.LateAfter:
		return []Finding{{Check: check, OK: true, Text: "last came to its end at " + ended.UTC().Format(time.RFC3339)}}
	case now.Sub(set) <= retention.LateAfter:
		return []Finding{{Check: check, OK: true, Text: "none has come to its end since the classes were set"}}
	}
	f := Finding{Check: check, Text: "none has ever come to its end", Fix: "keep tripod serve running, which begins one every hour, or run tripod retention purge; retention.purge in health says what is wrong"}
	if !ended.IsZero() {
		f.Text = "none has come to its end since " + ended.UTC().Format(time.RFC3339)
	}
	return []Finding{f}
}
