package page

// Capture is the page of what is kept of content for whom, and of what other rules would change.
type Capture struct {
	InForce  []string      // the rules in words
	Rules    []CaptureRule // as the form shows them
	Sources  []string      // words that a field may hold
	Planes   []string
	Surfaces []string

	Edited   bool     // the form was sent
	Wrong    []string // what is wrong with its rules
	Diff     []DiffLine
	Affected []CaptureChange
	YAML     string // the section of the configuration; "" where that cannot be told
}

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

// CaptureChange is what is kept differently of a source.
type CaptureChange struct{ Source, Was, Is string }
