package sigma

import "time"

// Level says how grave what a rule finds is.
type Level string

// The levels, by gravity.
const (
	LevelInformational Level = "informational"
	LevelLow           Level = "low"
	LevelMedium        Level = "medium"
	LevelHigh          Level = "high"
	LevelCritical      Level = "critical"
)

// Levels lists them, the least grave first.
func Levels() []Level {
	return []Level{LevelInformational, LevelLow, LevelMedium, LevelHigh, LevelCritical}
}

// Document is one YAML document of a rule file: one of its fields is not nil.
type Document struct {
	Rule        *Rule
	Correlation *Correlation
	Filter      *Filter
}

// Head is what rules, correlations and filters say of themselves.
type Head struct {
	ID, Name, Title, Description    string
	Status                          string
	Level                           Level // medium where a rule says nothing
	Author, License, Date, Modified string
	Related                         []Related
	References, Tags                []string
	FalsePositives, Fields, Scope   []string
	Tripod                          Tripod

	File    string // it was read from
	Line    int    // where it begins
	Version string // 12 hex digits of a digest of the document without its comments
}

// Ref is what the document is known by: its id, else its name, else its title.
func (h *Head) Ref() string {
	switch {
	case h.ID != "":
		return h.ID
	case h.Name != "":
		return h.Name
	}
	return h.Title
}

// Head is what the document says of itself.
func (d Document) Head() *Head {
	switch {
	case d.Rule != nil:
		return &d.Rule.Head
	case d.Correlation != nil:
		return &d.Correlation.Head
	}
	return &d.Filter.Head
}

// Related names another rule.
type Related struct{ ID, Type string }

// LogSource says which records a rule is about. docs/sigma.md lists the values.
type LogSource struct{ Category, Product, Service, Definition string }

// Rule is a Sigma rule: which single records it matches.
type Rule struct {
	Head
	LogSource LogSource

	detection detection
}

// Filter is a Sigma filter: a further condition on rules.
type Filter struct {
	Head
	LogSource LogSource
	Rules     []string // ids or names; empty for every rule whose log source is within the filter's

	detection detection
}

// Tripod is what the key `tripod` of a document adds to Sigma.
type Tripod struct {
	Why      string   // why it matters
	Benign   []string // explanations without harm
	Respond  []string // what to do
	Sources  []string // sources it needs to see anything
	Controls []string // what it evidences: "SOC 2 CC6.1", "ISO 27001 A.8.15"
	// Group are fields whose values tell what a firing of a rule is about: those of one group are one alert. Of a correlation it is its
	// group-by.
	Group []string
	// Sentence is a template of the firing's sentence, with {field}s; empty for one made of the record.
	Sentence string
	// Inside and Outside name calendars that a record's time must lie in, and must not.
	Inside, Outside []string
	Exceptions      []Exception
	// Known holds of an absence whether what is awaited must have been seen in the group before: true unless said otherwise.
	Known bool
	// Warmup is how long a baseline learns before it tells anything.
	Warmup time.Duration

	at map[string]place
}

// Exception says what a rule leaves out, why and until when.
type Exception struct {
	Reason string
	Until  time.Time // its first instant without the exception

	detection detection
	at        place
}

// CorrelationType is how a correlation weighs the records of its rules.
type CorrelationType string

// The types of the specification, and Tripod's own.
const (
	EventCount      CorrelationType = "event_count"
	ValueCount      CorrelationType = "value_count"
	Temporal        CorrelationType = "temporal"
	TemporalOrdered CorrelationType = "temporal_ordered"
	ValueSum        CorrelationType = "value_sum"
	ValueAvg        CorrelationType = "value_avg"
	ValuePercentile CorrelationType = "value_percentile"
	ValueMedian     CorrelationType = "value_median" // the 50th percentile

	// Absence: the first rule is seen, the others are not, within the timespan.
	Absence CorrelationType = "absence"
	// FirstSeen: the field has a value that it never had in the group, as far back as the timespan.
	FirstSeen CorrelationType = "first_seen"
	// Deviation: there is more in an hour than is usual for the group, by the median and deviation of the timespan.
	Deviation CorrelationType = "deviation"
)

// CorrelationTypes lists them.
func CorrelationTypes() []CorrelationType {
	return []CorrelationType{EventCount, ValueCount, Temporal, TemporalOrdered, ValueSum, ValueAvg, ValuePercentile, ValueMedian,
		Absence, FirstSeen, Deviation}
}

// Correlation is a Sigma correlation: when records of several rules, or several of one, mean something together.
type Correlation struct {
	Head
	Type      CorrelationType
	Rules     []string // ids or names of rules and correlations
	GroupBy   []string
	Aliases   map[string]map[string]string // alias → rule → field
	Timespan  time.Duration
	Condition Condition
	Generate  bool // the rules named fire by themselves, too

	at map[string]place
}

// Condition is when a correlation holds: all bounds must.
type Condition struct {
	Bounds     []Bound
	Fields     []string
	Percentile float64 // of value_percentile and value_median, above 0 and up to 100
}

// Bound is one comparison.
type Bound struct {
	Op    string // "gt", "gte", "lt", "lte", "eq", "neq"
	Value float64
}

// Holds reports whether a value is within all bounds.
func (c *Condition) Holds(v float64) bool {
	for _, b := range c.Bounds {
		if !b.holds(v) {
			return false
		}
	}
	return true
}

func (b Bound) holds(v float64) bool {
	switch b.Op {
	case "gt":
		return v > b.Value
	case "gte":
		return v >= b.Value
	case "lt":
		return v < b.Value
	case "lte":
		return v <= b.Value
	case "eq":
		return v == b.Value
	}
	return v != b.Value
}

// OnlyFromBelow reports whether the condition, once it holds, goes on to hold however much a count still grows.
func (c *Condition) OnlyFromBelow() bool {
	for _, b := range c.Bounds {
		if b.Op != "gt" && b.Op != "gte" {
			return false
		}
	}
	return true
}

// place is where something stands in a file.
type place struct{ line, col int }
