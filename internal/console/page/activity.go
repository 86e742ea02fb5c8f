package page

import (
	"time"
)

// Activity is the page of records that match a query.
type Activity struct {
	Query    string
	Wrong    *Wrong // why the query is none; the rest is empty then
	Chips    []Chip
	Ranges   []Link // quick stretches of time
	Named    []Link // queries worth a name
	List     *List
	Problem  *Problem // why there is no list although the query is one
	Counts   *Counts
	CountURL string // where Counts come from when they are not here yet
	WholeURL string // the same page with everything on it, for a browser without scripts
	NewURL   string // where to ask what came since; "" where newer records stand on another page
	Searched uint64 // the search view has taken in records up to here
	Behind   uint64 // records it has yet to take in, where that is worth a word
	Exports  []Link
}

// Wrong is a query that is none, taken apart around its mistake.
type Wrong struct {
	Before, Bad, After string
	Message            string
}

// Link is an address with a name.
type Link struct {
	Name    string
	URL     string
	Current bool
	Title   string
}

// Chip is one term of a query, and the query without it.
type Chip struct {
	Term string
	Not  bool
	URL  string
}

// List is one page of records.
type List struct {
	Rows       []Row
	Next       string // address of the page behind, "" for none
	First      string // address of the first page, "" where this is it
	Turn       Link   // the same from the other end
	Oldest     bool
	Unreadable string // what cannot be shown
	// Of an empty list: whether there is any record at all, and what to try.
	Nothing bool // the journal has no record of anything but Tripod's own acts
	Try     []Link
	Hints   []Hint // values of the query that no record has
}

// Hint says that no record has a value, and where it helps, the query with another term in its place.
type Hint struct{ Text, Other, URL string }

// Row is a record in one line.
type Row struct {
	Seq      uint64
	Time     time.Time
	Recorded bool // Time is when the record came, since its source's clock is absurd
	Who      string
	Says     bool // Who is only asserted
	Surface  string
	Activity string
	What     string // what was done, in words
	Type     string
	Source   string
	Outcome  string
	Flags    []string
	Session  string
	Own      bool // one of Tripod's own acts
}

// Counts are what a query finds, by value and over time.
type Counts struct {
	Total     int64
	AtLeast   bool // Total and all counts are lower bounds
	Facets    []Facet
	Histogram *Histogram
	Problem   *Problem
}

// Facet is a field with its most frequent values.
type Facet struct {
	Field  string
	Help   string
	Values []FacetValue // the first few
	More   []FacetValue // the rest
	Open   bool
}

// FacetValue is one value: a click adds it to the query, or takes it back.
type FacetValue struct {
	Value   string
	N       int64
	Share   int // of the most frequent, 1 to 100
	Active  bool
	URL     string
	WithURL string // the query without this value
}

// Histogram is records over time.
type Histogram struct {
	Bars    []Bar
	From    time.Time
	To      time.Time
	Middle  time.Time
	Step    string // how long one bar is
	Fine    bool   // a bar is shorter than a second
	Most    int64
	AtLeast bool
	Split   bool   // some bars show denied and failed apart
	URL     string // of the query with FROM and TO in place of times
	Zoomed  string // the query without its times, "" where it has none
}

// Bar is one bucket, drawn on a field 1000 wide and 100 high.
type Bar struct {
	X, Width   float64
	Y, Height  float64
	BadY, BadH float64 // the part of denied and failed
	N, Bad     int64
	Title      string
	From, To   string // as a query spells them
	URL        string
}
