package timeline

import "slices"

// deepest bounds how deep agents are shown inside each other; what lies deeper stands beside its parent.
const deepest = 8

// nest is the steps of one turn as a tree of agents.
type nest struct {
	*builder
	own      map[string][]*Step // agent → what it did itself
	children map[string][]string
	launched map[string]*Step // agent → the tool use that started it
	header   map[string]*Step
	done     map[string]bool
	out      []Step
	groups   *int
}

// flatten brings the steps of a turn into the order to show: what an agent did follows what started it.
func (b *builder) flatten(groups *int) []Step {
	n := &nest{builder: b, own: map[string][]*Step{}, children: map[string][]string{}, launched: map[string]*Step{},
		header: map[string]*Step{}, done: map[string]bool{}, groups: groups}
	for _, s := range b.order {
		if s.Kind == KindAgent {
			n.header[s.Agent] = s
		} else {
			n.own[s.Agent] = append(n.own[s.Agent], s)
		}
	}
	agents := n.agents()
	for _, a := range agents {
		parent := n.parent(a)
		n.children[parent] = append(n.children[parent], a)
	}
	n.scope("", 0)
	for _, a := range agents { // those that start each other
		if !n.done[a] {
			n.agent(a, 0)
		}
	}
	return n.out
}

// agents lists the sub-agents of the turn in order of appearance and gives each a step of its own.
func (n *nest) agents() []string {
	var list []string
	seen := map[string]bool{"": true}
	for _, s := range n.order {
		if seen[s.Agent] {
			continue
		}
		seen[s.Agent] = true
		list = append(list, s.Agent)
		if n.header[s.Agent] == nil {
			h := newStep(KindAgent, n.turn, s.Start, s.End)
			h.Agent = s.Agent
			n.header[s.Agent] = h
		}
	}
	for _, a := range list {
		h := n.header[a]
		for _, s := range n.own[a] {
			if s.Start.Before(h.Start) {
				h.Start = s.Start
			}
			h.End = latest(h.End, s.End)
			n.learn(h, s)
		}
	}
	return list
}

// learn takes from an agent's step what it says of the agent: what its records run inside of started it.
func (n *nest) learn(h, s *Step) {
	if h.ParentAgent == "" {
		h.ParentAgent = s.ParentAgent
	}
	if n.launched[h.Agent] != nil {
		return
	}
	for _, i := range s.Items {
		k := &n.Items[i].Record.Keys
		for _, span := range [...]string{k.Span, k.ParentSpan} {
			id := n.tool[k.Trace+"/"+span]
			if span == "" || id == "" {
				continue
			}
			if tool := n.steps["tool "+id]; tool != nil && tool.Agent != h.Agent {
				n.launched[h.Agent] = tool
				if h.AgentType == "" {
					h.AgentType = tool.AgentType
				}
				return
			}
		}
	}
}

// parent is the agent inside which another is shown: the one it names, or whose tool use started it.
func (n *nest) parent(a string) string {
	if p := n.header[a].ParentAgent; p != a && n.header[p] != nil {
		return p
	}
	if tool := n.launched[a]; tool != nil && tool.Agent != a && n.header[tool.Agent] != nil {
		return tool.Agent
	}
	return ""
}

// scope lays out what one agent did, or the session itself for "".
func (n *nest) scope(a string, depth int) {
	steps := slices.Clone(n.own[a])
	children := n.children[a]
	for _, c := range children {
		if n.launched[c] == nil || n.launched[c].Agent != a {
			steps = append(steps, n.header[c])
		}
	}
	slices.SortStableFunc(steps, func(a, b *Step) int {
		if a.Kind != b.Kind && n.whole && (a.Kind == KindPrompt || b.Kind == KindPrompt) { // nothing it triggered came before it
			return boolCompare(b.Kind == KindPrompt, a.Kind == KindPrompt)
		}
		return a.Start.Compare(b.Start)
	})
	after := make(map[*Step][]string)
	for _, c := range children {
		if tool := n.launched[c]; tool != nil && tool.Agent == a {
			after[tool] = append(after[tool], c)
		}
	}
	for i := 0; i < len(steps); {
		if steps[i].Kind == KindAgent {
			n.agent(steps[i].Agent, depth)
			i++
			continue
		}
		end := n.together(steps[i:])
		group := 0
		if end > 1 {
			*n.groups++
			group = *n.groups
		}
		for _, s := range steps[i : i+end] {
			s.Group, s.Depth = group, depth
			n.out = append(n.out, *s)
		}
		for _, s := range steps[i : i+end] {
			for _, c := range after[s] {
				n.agent(c, min(depth+1, deepest))
			}
		}
		i += end
	}
}

// agent lays out one agent and what it did.
func (n *nest) agent(a string, depth int) {
	if n.done[a] {
		return
	}
	n.done[a] = true
	h := n.header[a]
	h.Depth = depth
	n.out = append(n.out, *h)
	n.scope(a, min(depth+1, deepest))
}

// together counts the tool uses at the head of the list that overlapped in time.
func (n *nest) together(steps []*Step) int {
	if steps[0].Kind != KindTool {
		return 1
	}
	count, end := 1, steps[0].End
	for _, s := range steps[1:] {
		if s.Kind != KindTool || !s.Start.Before(end) {
			break
		}
		count++
		end = latest(end, s.End)
	}
	return count
}
