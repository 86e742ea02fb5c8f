package page

// Problem is the page that says why something cannot be shown.
type Problem struct {
	Heading string
	Text    string // what, on what
	Advice  string // what to do; "" for nothing
	ID      string // under which the log has the cause; "" where there is none
	GoOn    string // an address of ours to go on to all the same; "" for none
}

// Enter is the page in front of the console: how to get in, or that one is.
type Enter struct {
	Entered bool   // a link was taken: the page goes on to the overview
	Spent   bool   // a link was refused
	Command string // makes a link
}
