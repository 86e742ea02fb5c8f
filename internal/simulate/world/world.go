// Package world is one simulated enterprise: a hospital group with a bank's paperwork, its accounts, devices, projects and
// what they do with Claude, in a normal week and when things go wrong.
//
// It promises: everything is a pure function of the options and of the stretch of time asked for. The same seed gives the
// same accounts, ids, acts and texts to the byte, on every machine, and each stretch of time gives the same acts whatever was
// asked for before. Every act carries its truth: who, what, which keys, which sources report it and which should have. The
// enterprise, its people and its secrets are invented. A World does no input or output, never changes once made and is safe
// for concurrent use.
package world

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

// Options say which world it is.
type Options struct {
	Seed    uint64
	Without []Incident // incidents that do not happen; everything else stays as it is
}

// World is one enterprise. What it exports is to be read only.
type World struct {
	Org Org
	// Accounts are all there ever are, Devices theirs: some sixty stay from beginning to end, and one joins and one leaves
	// each week. Members tells those of a time.
	Accounts []*Account
	Devices  []*Device
	Servers  []*Server
	Projects []*Project

	seed     uint64
	without  map[Incident]bool
	byEmail  map[string]*Account
	byDevice map[string]*Device
	coming   map[int]*Account // by the week they join, counted from First
	machines int
	zones    map[string]*time.Location
	tales    tales
}

// tales are the stories, by what they are told of.
type tales struct {
	code, cowork []story
	robots       map[string][]story
	talks        []talk
}

// New makes a world. It is cheap: nothing happens before it is asked for.
func New(o Options) *World {
	w := &World{
		seed: o.Seed, without: map[Incident]bool{}, byEmail: map[string]*Account{}, byDevice: map[string]*Device{}, coming: map[int]*Account{},
		zones: map[string]*time.Location{},
		tales: tales{slices.Concat(codeStories(), clinicalStories(), officeStories()), coworkStories(), robotStories(), allTalks()},
	}
	for _, i := range o.Without {
		w.without[i] = true
	}
	d := w.dice("org")
	w.Org = Org{Name: "Nordwald Kliniken", ID: d.vendor("org_01"), UUID: d.uuid(), Domain: "nordwald.example"}
	w.Servers = servers()
	w.Projects = w.projects()
	w.hire(staff)
	w.hire(robots)
	w.rotate()
	return w
}

// Account is the account of an e-mail address, nil if there never is one.
func (w *World) Account(email string) *Account { return w.byEmail[email] }

// Device is the device of a name, nil if there never is one.
func (w *World) Device(name string) *Device { return w.byDevice[name] }

// Members are the accounts that belong to the enterprise at a time, in the order of Accounts.
func (w *World) Members(at time.Time) []*Account {
	var list []*Account
	for _, a := range w.Accounts {
		if a.present(at, at) {
			list = append(list, a)
		}
	}
	return list
}

// Between is what happens from one time on and before another, by time and then by id. Acts of one process share one
// Process in each answer; its ID is the same in all answers. The world lasts from First to Last and is still outside.
func (w *World) Between(from, to time.Time) []Act {
	if from.Before(First) {
		from = First
	}
	if to.After(Last) {
		to = Last
	}
	var acts []Act
	keep := func(told []Act) {
		for i := range told {
			if at := told[i].At; !at.Before(from) && at.Before(to) {
				acts = append(acts, told[i])
			}
		}
	}
	// Nothing lasts longer than a day: what began the day before may go on.
	for date := midnight(from).AddDate(0, 0, -1); date.Before(to); date = date.AddDate(0, 0, 1) {
		if !date.Before(First) {
			w.day(date, from, to, keep)
		}
	}
	return sorted(acts)
}

// sorted is the acts by time, then by id. They are large, so each is moved once.
func sorted(acts []Act) []Act {
	order := make([]int32, len(acts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(i, j int32) int {
		if c := acts[i].At.Compare(acts[j].At); c != 0 {
			return c
		}
		return cmp.Compare(acts[i].ID, acts[j].ID)
	})
	list := make([]Act, len(acts))
	for to, from := range order {
		list[to] = acts[from]
	}
	return list
}

// Live is the nth piece of live activity: one or two minutes of somebody's session that begins at start. It is the same
// for one seed and n but for its times, which are relative to start.
func (w *World) Live(n int, start time.Time) []Act {
	name := "live/" + strconv.Itoa(n)
	d := w.dice(name)
	var able []*Device
	for _, dev := range w.Devices {
		if dev.Owner.Joined.IsZero() && !dev.Owner.Service {
			able = append(able, dev)
		}
	}
	dev := pick(d, able)
	s := w.scene(d, name, start.UTC().Truncate(time.Millisecond))
	s.hurry, s.sure = true, true
	s.begin(dev, w.projectOf(d, dev.Owner.Team, dev.Client.Product == Cowork), "fresh")
	next := s.turns()
	for began := s.now; s.now.Sub(began) < 55*time.Second; {
		s.play(next())
		s.now = s.now.Add(s.wait(3*time.Second, 9*time.Second))
	}
	s.end()
	return sorted(s.acts)
}
