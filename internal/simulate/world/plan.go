package world

import (
	"strconv"
	"strings"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
)

// day tells what begins on a day, in no order, at least as far as it happens between from and to.
func (w *World) day(date, from, to time.Time, tell func([]Act)) {
	for _, a := range w.Members(date.Add(12 * time.Hour)) {
		for _, dev := range a.Devices {
			w.work(a, dev, date, from, to, tell)
		}
		if from.Before(date.Add(night)) {
			tell(w.chats(a, date))
		}
	}
	tell(w.administration(date))
	tell(w.trouble(date))
}

// work tells what an account does with a client on a day.
func (w *World) work(a *Account, dev *Device, date, from, to time.Time, tell func([]Act)) {
	stamp := strings.Join([]string{"work", a.Email, string(dev.Client.Product), date.Format(time.DateOnly)}, "/")
	for i, start := range w.starts(w.dice(stamp), a, date) {
		end := start.Add(longest)
		if end.Before(from) || !start.Before(to) || w.engaged(a, start) || !a.present(start, end) {
			continue
		}
		name := stamp + "/" + strconv.Itoa(i)
		s := w.scene(w.dice(name), name, start)
		if a.Service {
			s.run(dev)
		} else {
			s.line(dev)
		}
		tell(s.acts)
	}
}

// longest is the most a line of work may take, its later processes included. It is well under a day; see Between.
const longest = 8 * time.Hour

// starts are when an account begins something on a day.
func (w *World) starts(d dice, a *Account, date time.Time) []time.Time {
	var list []time.Time
	if a.Service { // at night, the whole week
		for range d.between(1, 3) {
			list = append(list, date.Add(d.span(19*time.Hour+30*time.Minute, 28*time.Hour)))
		}
		return list
	}
	n := 0
	switch u := d.between(1, 1000); {
	case isWeekend(date) && u <= 30:
		n = 1
	case isWeekend(date):
	case u > 925:
		n = 2
	case u > 530:
		n = 1
	}
	for i := range n {
		// Mornings for the first, afternoons for the second.
		clock := d.span(8*time.Hour, 15*time.Hour)
		if i > 0 {
			clock = d.span(14*time.Hour, 17*time.Hour)
		}
		list = append(list, local(date, a.Zone, clock))
	}
	return list
}

// run is one run of an automation.
func (s *scene) run(dev *Device) {
	login, _, _ := strings.Cut(dev.Owner.Email, "@")
	team := map[string]string{"ci-clinical": clinicalData, "nightly-quality": clinicalData}[login]
	if team == "" {
		team = integration
	}
	s.begin(dev, s.w.projectOf(s.d, team, false), "fresh")
	s.words["repo"] = s.p.Project.Name
	s.play(pick(s.d, s.w.tales.robots[login]).turns[0])
	s.end()
}

// line is one line of work of a human being: a session, sometimes taken up again later.
func (s *scene) line(dev *Device) {
	project := s.w.projectOf(s.d, dev.Owner.Team, dev.Client.Product == Cowork)
	if dev.Client.Product == Cowork && s.d.chance(200) {
		dev = s.sandbox(dev)
	}
	s.begin(dev, project, "fresh")
	next := s.turns()
	if s.p.Interactive {
		s.settle()
	}
	prompts := 1 + s.d.IntN(4) + s.d.IntN(4)*s.d.IntN(4)/2 + s.d.IntN(2)
	s.work(next, prompts)
	switch {
	case s.d.chance(40): // killed: no word of its end
	default:
		s.end()
	}
	if s.p.Interactive && s.d.chance(120) && s.now.Sub(s.p.Start) < 150*time.Minute {
		s.now = s.now.Add(s.d.span(15*time.Minute, 100*time.Minute))
		s.begin(dev, project, "resume")
		s.work(next, s.d.between(1, 3))
		s.end()
	}
}

// sandbox is the machine at the vendor's on which a remote Cowork session runs. It is nobody's device and sends no telemetry here.
func (s *scene) sandbox(dev *Device) *Device {
	box := *dev
	box.Name, box.ID, box.OSType, box.OS, box.OSUser, box.IP = "cowork-cloud", s.d.hex(64), "linux", "6.12.9-amd64", "sandbox", ""
	s.remote = true
	return &box
}

// settle is what people do before they begin to ask.
func (s *scene) settle() {
	if s.d.chance(35) {
		s.now = s.now.Add(s.d.span(8*time.Second, 50*time.Second))
		s.add(s.now, Act{Kind: Login})
	}
	if s.d.chance(12) {
		p := pick(s.d, offered)
		s.now = s.now.Add(s.d.span(10*time.Second, 60*time.Second))
		s.add(s.now, Act{Kind: Plugin, Plugin: &p})
	}
	switch {
	case s.d.chance(180):
		s.switchMode("acceptEdits", "shift_tab")
	case s.d.chance(60):
		s.switchMode("plan", "shift_tab")
	}
}

// work asks a number of things, with pauses, and with what sometimes gets in the way.
func (s *scene) work(next func() turn, prompts int) {
	began := s.now
	for i := 0; i < prompts && s.now.Sub(began) < 150*time.Minute; i++ {
		s.now = s.now.Add(s.wait(6*time.Second, 14*time.Minute))
		if s.mode == "plan" && i > 0 {
			s.switchMode("acceptEdits", "exit_plan_mode")
		}
		if s.p.Interactive && i > 1 && s.d.chance(40) {
			s.clear()
			s.now = s.now.Add(s.wait(4*time.Second, 40*time.Second))
		}
		if s.p.Interactive && i > 1 && (s.context > 150_000 || s.d.chance(16)) {
			s.compactNow()
		}
		if s.p.Interactive && s.d.chance(60) {
			s.skill()
			continue
		}
		t := next()
		switch n := s.d.between(1, 1000); {
		case n <= 12:
			s.balk(t, n)
		default:
			s.play(t)
		}
		if i == 0 && s.p.Interactive {
			s.title()
		}
	}
}

// title asks a small model to name the session.
func (s *scene) title() {
	if since(s.p.Client.Version, "2.1.187") {
		s.request(asking{who: mainThread(s.p), model: haiku, source: "generate_session_title", text: "{\"title\":\"" + s.p.Project.Name + "\"}", stop: "end_turn", small: true})
	}
}

func (s *scene) compactNow() {
	if s.context > 150_000 {
		s.compact("auto")
		return
	}
	s.ask("", &PromptAct{Text: "/compact", Command: "compact", CommandSource: "builtin"})
	s.compact("manual")
}

// skill uses one of the skills.
func (s *scene) skill() {
	k := pick(s.d, []SkillAct{
		{Name: "commit", Trigger: "user-slash", Source: "userSettings"},
		{Name: "review", Trigger: "user-slash", Source: "bundled"},
		{Name: "hospital-sql", Trigger: "claude-proactive", Source: "plugin", Plugin: "clinical-sql", Marketplace: "nordwald-internal"},
		{Name: "security-review", Trigger: "user-slash", Source: "bundled"},
	})
	if k.Source == "plugin" && s.p.Account.Team != clinicalData {
		k = SkillAct{Name: "simplify", Trigger: "user-slash", Source: "bundled"}
	}
	p := &PromptAct{Text: "/" + k.Name, Command: k.Name, CommandSource: "custom"}
	if k.Trigger != "user-slash" {
		p = &PromptAct{Text: map[string]string{"de": "Wie lese ich die Verlegungen eines Falls?", "fr": "Comment lire les transferts d'un séjour ?", "en": "How do I read the transfers of a case?"}[s.lang]}
	}
	s.ask("", p)
	s.now = s.now.Add(s.d.span(10*time.Millisecond, 60*time.Millisecond))
	if k.Trigger == "user-slash" {
		s.add(s.now, Act{Kind: Skill, Skill: &k})
		s.rounds(mainThread(s.p), [][]call{also(sh("git status --short", " M src/map.go"), sh("git diff", "+ return c"))}, "Nothing to object; one name could be clearer.")
		return
	}
	use := s.d.vendor("toolu_01")
	keys := s.request(asking{who: mainThread(s.p), toolUses: []string{use}, stop: "tool_use"})
	end, _ := s.call(call{tool: "Skill", input: skillInput{k.Name}, output: "Launching skill: " + k.Name}, use, keys, mainThread(s.p))
	s.now = end.Add(3 * time.Millisecond)
	s.add(s.now, Act{Kind: Skill, Skill: &k, Keys: audit.Keys{ToolUse: use}})
	s.rounds(mainThread(s.p), nil, "select * from transfer where case_id = $1 order by begun_at;")
}

// balk is a turn that comes to nothing: the API is overloaded, or the model refuses.
func (s *scene) balk(t turn, n int) {
	s.ask("", &PromptAct{Text: s.fill(t.ask)})
	if n > 9 {
		s.request(asking{who: mainThread(s.p), stop: "refusal"})
		return
	}
	s.request(asking{who: mainThread(s.p), fails: []int{529, 529, 429, 400}[n%4]})
}

// turns returns what gives the next turn: stories that fit the account, one after the other.
func (s *scene) turns() func() turn {
	all := s.w.tales.code
	if s.p.Client.Product == Cowork {
		all = s.w.tales.cowork
	}
	fit := fitting(all, s.p.Account.Team, s.lang)
	if len(fit) == 0 {
		fit = fitting(all, "", "en")
	}
	var rest []turn
	return func() turn {
		if len(rest) == 0 {
			rest = pick(s.d, fit).turns
			s.words = map[string]string{"repo": s.p.Project.Name} // other work, other numbers
		}
		t := rest[0]
		rest = rest[1:]
		return t
	}
}

func fitting(all []story, team, lang string) []story {
	var fit []story
	for _, t := range all {
		if t.team == team && (t.lang == lang || t.lang == "en") || t.team == "" && t.lang == lang {
			fit = append(fit, t)
		}
	}
	return fit
}
