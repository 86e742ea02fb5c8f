package timeline

import (
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// Process is one run of a client: its events are numbered on from 0, so numbers that begin again are a new one, as after
// a resume (https://code.claude.com/docs/en/monitoring-usage).
type Process struct {
	Service, Version, Device string
	Start, End               time.Time
	First, Last              int64 // least and greatest number that came
	Records                  int
}

// Records of one process may swap places by so much, since times are taken before numbers.
const (
	swapNumbers = 64
	swapTime    = 5 * time.Second
)

type process struct {
	Process
	came map[int64]struct{}
}

// processes tells runs apart by service, version, device and numbers. Two that run side by side under one session are
// told apart as long as their numbers differ.
func processes(items []Item) []Process {
	var list []*process
	type client struct{ service, version, device string }
	of := make(map[client][]*process)
	for i := range items {
		r := items[i].Record
		if r.Sequence == nil || *r.Sequence < 0 || r.Source != audit.SourceOTelLog {
			continue
		}
		c := client{r.Service.Name, r.Service.Version, r.Account.Asserted.Device}
		p := which(of[c], *r.Sequence, items[i].At)
		if p == nil {
			p = &process{came: make(map[int64]struct{})}
			p.Process = Process{Service: c.service, Version: c.version, Device: c.device, Start: items[i].At, First: *r.Sequence, Last: *r.Sequence}
			list, of[c] = append(list, p), append(of[c], p)
		}
		p.took(*r.Sequence, items[i].At)
	}
	plain := make([]Process, len(list))
	for i, p := range list {
		plain[i] = p.Process
	}
	return plain
}

// which finds the process that a number goes on from, the newest few only.
func which(known []*process, n int64, at time.Time) *process {
	var best *process
	for _, p := range known[max(0, len(known)-8):] {
		if _, ok := p.came[n]; ok {
			continue
		}
		swapped := n < p.Last && p.Last-n <= swapNumbers && at.Sub(p.End) <= swapTime && n > p.First
		if (n > p.Last || swapped) && (best == nil || p.Last > best.Last) {
			best = p
		}
	}
	return best
}

func (p *process) took(n int64, at time.Time) {
	p.came[n] = struct{}{}
	p.First, p.Last, p.End = min(p.First, n), max(p.Last, n), at
	p.Records++
}
