package world

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// desk is where acts of the control plane are told, with chance and ids of its own.
type desk struct {
	w        *World
	d        dice
	code     string
	n        int
	now      time.Time
	surface  audit.Surface
	incident Incident
	acts     []Act
}

func (w *World) desk(name string, at time.Time) *desk {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", w.seed, name))
	return &desk{w: w, d: w.dice(name), code: hex.EncodeToString(sum[:6]), now: at, surface: audit.SurfaceChat}
}

// tell tells an act of now.
func (k *desk) tell(a Act) *Act {
	a.ID = fmt.Sprintf("act_%s_%05d", k.code, k.n)
	k.n++
	a.At, a.Surface, a.Incident = k.now, k.surface, k.incident
	k.acts = append(k.acts, a)
	return &k.acts[len(k.acts)-1]
}

// add tells what an account does in the vendor's apps or console.
func (k *desk) add(who *Account, c ControlAct) *Act {
	if c.IP == "" && who.Email != syncLogin+"@"+k.w.Org.Domain {
		c.IP, c.Agent, c.Client = k.w.browser(who)
	}
	return k.tell(Act{Kind: Change, Account: who, Control: &c, Seen: []audit.Source{audit.SourceComplianceActivity}})
}

func (k *desk) pause(lo, hi time.Duration) { k.now = k.now.Add(k.d.span(lo, hi)) }

// browser is where an account signs in from and with what.
func (w *World) browser(a *Account) (ip, agent, client string) {
	d := w.dice("browser", a.Email)
	ip = sites[siteOf[a.Country]].net + digits(d.between(2, 250))
	if len(a.Devices) > 0 {
		ip = a.Devices[0].IP
	}
	os := "windows"
	if len(a.Devices) > 0 {
		os = a.Devices[0].OSType
	}
	if d.chance(250) {
		return ip, "Claude/1.22209.3 (" + os + ")", "desktop"
	}
	return ip, map[string]string{
		"windows": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
		"darwin":  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
		"linux":   "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	}[os], "web"
}
