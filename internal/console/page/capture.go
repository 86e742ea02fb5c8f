package page

// Capture is the page of what is kept of content for whom, and of what other rules would change.
type Capture struct {
	InForce  []string      // the rules in words
	Rules    []CaptureRule // as the form shows them
	Sources  []string      // words that a field may hold
	Planes   []string
	Surfaces []string

	File    string // the configuration file; "" where there is none
	Version string // of the file, that is in force
	Closed  string // why it cannot be written; ""
	Write   bool   // who looks may write it
	Written bool   // it has just been written
	Records bool   // who looks may read of accounts
	Problem *Problem

	Edited   bool     // other rules were sent
	Wrong    []string // what is wrong with them
	Sent     []CaptureRule
	Diff     []DiffLine
	Affected []CaptureChange
	YAML     string // the section of the configuration; "" where that cannot be told

	Groups         []Concerned // that rules come or go for
	Account        string      // that was asked about
	Known          string      // by which name it is known; "" for none
	OfAccount      []CaptureChange
	ConcernProblem *Problem
}

// Concerned are the accounts that the directory lists in a group.
type Concerned struct {
	Group string
	N     int
	Names []string // the first of them
}

// Rest is how many are not named.
func (c Concerned) Rest() int { return c.N - len(c.Names) }

// Changed reports whether the rules sent differ from those in force.
func (c *Capture) Changed() bool {
	for _, l := range c.Diff {
		if l.Mark != "" {
			return true
		}
	}
	return false
}

// CaptureRule is one row of the form.
type CaptureRule struct {
	Number                                    int
	Source, Plane, Surface, Group, Credential string // apart by commas
	Keep                                      string // "" takes the rule out
}

// DiffLine is one line of two texts: "+" came, "−" went, "" stands in both.
type DiffLine struct{ Mark, Text string }

// CaptureChange is what is kept of some sources, now and then.
type CaptureChange struct {
	Sources []string
	Was, Is string
}

// AddChange adds a source, to those of which the same is kept where there are such.
func AddChange(list []CaptureChange, source, was, is string) []CaptureChange {
	for i := range list {
		if list[i].Was == was && list[i].Is == is {
			list[i].Sources = append(list[i].Sources, source)
			return list
		}
	}
	return append(list, CaptureChange{[]string{source}, was, is})
}

// Same reports whether nothing changes.
func (c CaptureChange) Same() bool { return c.Was == c.Is }
