package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tripod-audit/tripod/internal/policy"
)

// reachTime bounds how long the gateway's upstream is waited for.
const reachTime = 10 * time.Second

// examineGateway asks the serve that runs on a data directory about its gateway; nothing where none runs.
func examineGateway(ctx context.Context, dir string) []Finding {
	const check = "gateway"
	if mustExist(dir) != nil {
		return nil // said by what looks at the directory
	}
	ctx, cancel := context.WithTimeout(ctx, 2*reachTime)
	defer cancel()
	var findings []Finding
	err := ask(ctx, dir, "/v1/examine-gateway", struct{}{}, &findings)
	switch {
	case errors.Is(err, errNoServe):
		return nil
	case err != nil:
		return []Finding{{Check: check, Text: "it was not examined: " + err.Error(), Fix: "run tripod doctor again"}}
	}
	return findings
}

func serveExamineGateway(w http.ResponseWriter, r *http.Request, a *App) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(a.gateway.examine(r.Context(), a.policy))
}

// examine looks at the gateway from inside.
func (g *gateway) examine(ctx context.Context, rules *policy.Engine) []Finding {
	const check = "gateway"
	if g.listener == nil {
		return []Finding{{Check: check, OK: true, Text: "it listens on no address: the network plane is not read"}}
	}
	credentials := "asks callers for no credential"
	switch {
	case g.tokens > 0:
		credentials = "asks callers for one of " + plural(g.tokens, "token", "tokens")
	case g.asksCertificate:
		credentials = "asks callers for a client certificate"
	}
	list := []Finding{{Check: check, OK: true, Text: g.url() + ", " + credentials}}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	reach := Finding{Check: "gateway upstream", OK: true}
	switch status, err := g.llm.Reach(ctx); {
	case err != nil:
		reach.OK, reach.Text = false, fmt.Sprintf("%s does not answer: %v", g.llm.Upstream(), err)
		reach.Fix = "check the network between here and the upstream; clients are answered with 502 meanwhile"
	default:
		reach.Text = fmt.Sprintf("%s answers (%d to HEAD /api/hello)", g.llm.Upstream(), status)
	}
	return append(list, reach, examineRules(rules))
}

// examineRules says what the rules may do, and where somebody may believe that they do more.
func examineRules(rules *policy.Engine) Finding {
	n, wanted := len(rules.Rules()), 0
	for _, r := range rules.Rules() {
		if r.Asked == policy.Enforce {
			wanted++
		}
	}
	f := Finding{Check: "gateway policy", OK: true, Text: fmt.Sprintf("observe: %s, none takes effect", plural(n, "rule", "rules"))}
	switch {
	case rules.Mode() == policy.Enforce && wanted == 0:
		f.OK, f.Text = false, fmt.Sprintf("policy.mode is enforce, but each of %s observes: nothing will be stopped", plural(n, "rule", "rules"))
		f.Fix = "set mode: enforce on the rules that are to take effect, under overrides for those that come with Tripod"
	case rules.Mode() == policy.Enforce:
		f.Text = fmt.Sprintf("enforce: %d of %s in force", wanted, plural(n, "rule", "rules"))
	case wanted > 0:
		f.Text += fmt.Sprintf("; %d would, but for policy.mode: observe", wanted)
	}
	return f
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
