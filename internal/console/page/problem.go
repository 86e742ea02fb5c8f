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
	Provider string // the name of who signs people in
	SignIn   string // address that begins a sign-in there; "" for who signs in on the machine
	Command  string // makes a link, for who signs in on the machine
	Typed    bool   // a form was filled in, and is kept
}

// Enter is the page in front of the console: how to get in, that one is, or that one is out.
type Enter struct {
	Entered  bool   // the page goes on to GoOn
	GoOn     string // an address of ours
	Spent    bool   // a link was refused
	Left     bool   // somebody signed out
	Provider string // the name of the identity provider; "" where none is configured
	SignIn   string // address that begins a sign-in there
	SignOut  string // address that signs out there
	Command  string // makes a link
}
