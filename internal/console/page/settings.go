package page

import "time"

// Settings is the page of who signs in, with what, and as what.
type Settings struct {
	FirstRoles string // see first-roles
	Now        time.Time
	Write      bool // who looks may change what is here
	Facts      []Fact
	Mapping    []Mapped
	SignIns    []SignIn
	EndURL     string // where a sign-in is ended
	OfPerson   bool   // all of one person can be ended, too
	Tokens     []Token
	Over       []Token // have ended or run out
	Made       *MadeToken
	New        NewToken
	Wrong      *Problem // of the form
	Roles      []string
	Rights     []RightRow
	Doors      []DoorRow
	Listeners  []Listener
	More       []SettingsPage
}

// Fact is a setting in words.
type Fact struct {
	Name, Text, Note string
	Kind             string // "good", "warn" or ""
}

// Mapped is who has a role.
type Mapped struct {
	Who, How string // "a group", "an address", "a login name of this machine"
	Roles    string
	Until    time.Time // zero: no bound
	Cases    string
	Mine     bool // it is about who looks
}

// SignIn is one browser that somebody is signed in with.
type SignIn struct {
	ID, Who, Subject, Roles, Via string
	Began, Until                 time.Time
	IP, Agent                    string
	This                         bool // the one that asks
}

// Token is one API token; its secret is nowhere.
type Token struct {
	ID, Name, Owner, By  string
	Roles, Rights, Cases string // "" for rights: all that the roles allow; for cases: no bound
	Made, Until, Ended   time.Time
	State                string // "good", "ended" or "over"
}

// MadeToken is shown once.
type MadeToken struct {
	Name, Secret string
	Until        time.Time
}

// NewToken is the form that makes a token, as it was filled in.
type NewToken struct {
	Name, Owner, Cases, Days string
	Roles, Rights            []Choice
}

// RightRow is one right, and which roles hold it, in the order of Settings.Roles.
type RightRow struct {
	Right, Words string
	Held         []bool
	Fresh        bool // it asks for a fresh sign-in
}

// DoorRow is a line of the table: what a page, address or command asks for.
type DoorRow struct {
	Door, Does, Right string
}

// SettingsPage is a page of settings of its own.
type SettingsPage struct {
	Name, URL, What string
}

// Me is the page of who is signed in.
type Me struct {
	Now                                 time.Time
	Who, Email, Subject, Via, Roles, By string
	Since, Until                        time.Time
	Groups                              []string
	Cases                               []string
	Rights                              []RightRow
	SignIns                             []SignIn
	Write, OfPerson                     bool // as those of Settings
	EndURL                              string
	Others                              int // sign-ins beside this one
}
