package page

// Problem is the page that says why something cannot be shown.
type Problem struct {
	Heading string
	Text    string // what, on what
	Advice  string // what to do; "" for nothing
	ID      string // under which the log has the cause; "" where there is none
	GoOn    string // an address of ours to go on to all the same; "" for none
	// Entered is what somebody typed into the form that this is about, so that it is not lost.
	Entered []Entered
}

// Entered is one field of a form, as it was sent.
type Entered struct {
	Name, Text string
}

// StepUp is the page that asks for a fresh sign-in before something weighty.
type StepUp struct {
	URL     string // begins a sign-in with the identity provider; "" for who signs in on the machine
	By      string // the name of who signs people in
	Command string // makes a link, for who signs in on the machine
	Typed   bool   // a form was filled in, and is kept
}

// Enter is the page in front of the console: how to get in, or that one is.
type Enter struct {
	Entered bool   // a link was taken: the page goes on to the overview
	Spent   bool   // a link was refused
	Command string // makes a link
}
