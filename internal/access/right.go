package access

import "slices"

// Role is what somebody is here for. Somebody may have several.
type Role string

// The roles.
const (
	Administrator  Role = "administrator"   // configures; sees health, settings and records; never content
	PrivacyOfficer Role = "privacy_officer" // decides on requests, approves openings, reviews who looked
	Counsel        Role = "counsel"         // matters and legal holds; sees what those are about
	Analyst        Role = "analyst"         // investigates
	Auditor        Role = "auditor"         // reads, for a time that is set when the role is given
	Operator       Role = "operator"        // keeps it running; sees health, no records
)

// Roles lists them in the order documents show them.
func Roles() []Role {
	return []Role{Administrator, PrivacyOfficer, Counsel, Analyst, Auditor, Operator}
}

// Right is one thing somebody may do.
type Right string

// The rights. Those over cases cover only cases somebody takes part in, unless AllCases is held too.
const (
	Anybody  Right = "anybody"   // no sign-in: signing in, static files, liveness
	SignedIn Right = "signed_in" // anybody who is signed in: signing out, one's own sessions

	// Files and MasterKey are what commands ask for that work on files by themselves: nobody is asked who they are, since
	// whoever has these could do the same without Tripod. No role holds them.
	Files     Right = "files"      // read the data directory, or what else is named
	MasterKey Right = "master_key" // write the data directory, and hold the master key where something is recorded

	ReadHealth    Right = "health.read"
	ReadRecords   Right = "records.read" // records, sessions, discrepancies, the organisation: metadata
	ExportRecords Right = "records.export"
	ReadSettings  Right = "settings.read"
	WriteSettings Right = "settings.write" // API tokens, other people's sessions, capture policy
	Operate       Right = "operate"        // backup, key rotation, import

	// HandleAlerts is not for who configures: an alert may be about that.
	HandleAlerts Right = "alerts.handle" // acknowledge, resolve, except

	ReadCases    Right = "cases.read"
	AllCases     Right = "cases.all" // also those one takes no part in; never their content
	OpenCase     Right = "cases.open"
	RequestGrant Right = "grants.request"
	ApproveGrant Right = "grants.approve"
	BreakGlass   Right = "grants.break_glass"
	ReviewGrant  Right = "grants.review" // after break-glass
	OpenContent  Right = "content.open"

	ReadReviews Right = "reviews.read" // who searched, listed, opened and exported what

	ReadHolds    Right = "holds.read"
	SetHold      Right = "holds.set"
	ReleaseHold  Right = "holds.release" // two people
	Erase        Right = "erase"
	SetRetention Right = "retention.set"
)

// held says which roles hold a right.
var held = map[Right][]Role{
	ReadHealth:    Roles(),
	ReadRecords:   {Administrator, PrivacyOfficer, Analyst, Auditor},
	ExportRecords: {PrivacyOfficer, Analyst, Auditor},
	ReadSettings:  {Administrator, PrivacyOfficer, Auditor},
	WriteSettings: {Administrator},
	Operate:       {Administrator, Operator},
	HandleAlerts:  {PrivacyOfficer, Analyst},
	ReadCases:     {PrivacyOfficer, Counsel, Analyst, Auditor},
	AllCases:      {PrivacyOfficer, Auditor},
	OpenCase:      {PrivacyOfficer, Counsel, Analyst},
	RequestGrant:  {PrivacyOfficer, Counsel, Analyst, Auditor},
	ApproveGrant:  {PrivacyOfficer, Counsel},
	BreakGlass:    {PrivacyOfficer, Counsel, Analyst},
	ReviewGrant:   {PrivacyOfficer},
	OpenContent:   {PrivacyOfficer, Counsel, Analyst, Auditor},
	ReadReviews:   {PrivacyOfficer, Auditor},
	ReadHolds:     {PrivacyOfficer, Counsel, Auditor},
	SetHold:       {Counsel},
	ReleaseHold:   {Counsel, PrivacyOfficer},
	Erase:         {PrivacyOfficer, Administrator},
	SetRetention:  {PrivacyOfficer, Administrator},
}

// Rights lists every right that roles hold, in the order of its declaration.
func Rights() []Right {
	return []Right{ReadHealth, ReadRecords, ExportRecords, ReadSettings, WriteSettings, Operate, HandleAlerts, ReadCases, AllCases, OpenCase, RequestGrant, ApproveGrant,
		BreakGlass, ReviewGrant, OpenContent, ReadReviews, ReadHolds, SetHold, ReleaseHold, Erase, SetRetention}
}

// Holders lists the roles that hold a right.
func Holders(r Right) []Role { return slices.Clone(held[r]) }

// StepUp reports whether exercising a right asks for a sign-in that is fresh: opening, approving, releasing, erasing, purging.
func StepUp(r Right) bool {
	switch r {
	case OpenContent, ApproveGrant, BreakGlass, ReleaseHold, Erase, SetRetention:
		return true
	}
	return false
}
