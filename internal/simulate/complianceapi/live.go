package complianceapi

import (
	"slices"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/simulate/world"
)

// playedSession is one that is no part of the world's plan.
type playedSession struct {
	key  string // the client's id of it
	acts []world.Act
}

// mostPlayed is how many sessions beside the plan have a transcript; older ones end as if their content had not been captured.
const mostPlayed = 2000

// Play shows sessions that happen beside the world's plan, as those of World.Live do: they are listed and have transcripts
// like all others, each part as soon as its time has come. The acts are of one or more whole sessions, in order of time.
func (a *API) Play(acts []world.Act) {
	bySession := map[string][]world.Act{}
	var keys []string
	for i := range acts {
		if !slices.Contains(acts[i].Seen, audit.SourceComplianceSession) {
			continue
		}
		key := acts[i].Keys.Session
		if bySession[key] == nil {
			keys = append(keys, key)
		}
		bySession[key] = append(bySession[key], acts[i])
	}
	a.feed.mu.Lock()
	for _, key := range keys {
		a.feed.live = append(a.feed.live, playedSession{key, bySession[key]})
	}
	if n := len(a.feed.live); n > mostPlayed {
		a.feed.live = slices.Clone(a.feed.live[n-mostPlayed:])
	}
	a.feed.mu.Unlock()
	a.estate.mu.Lock()
	defer a.estate.mu.Unlock()
	for _, key := range keys {
		for i := range bySession[key] {
			a.estate.take(&bySession[key][i])
		}
	}
}

// sessionActs are the acts of a session, in order of time.
func (f *feed) sessionActs(s *session) (acts []*world.Act) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.live) - 1; i >= 0; i-- {
		if p := &f.live[i]; p.key == s.key {
			for k := range p.acts {
				acts = append(acts, &p.acts[k])
			}
			return acts
		}
	}
	for day := s.first.Truncate(24 * time.Hour); !day.After(s.last); day = day.AddDate(0, 0, 1) {
		list := f.actsOf(day)
		for i := range list {
			if list[i].Keys.Session == s.key {
				acts = append(acts, &list[i])
			}
		}
	}
	return acts
}
