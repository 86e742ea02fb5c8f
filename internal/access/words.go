package access

import "strings"

// Words is a role as people read it.
func (r Role) Words() string { return strings.ReplaceAll(string(r), "_", " ") }

// Words says what a right lets somebody do.
func (r Right) Words() string {
	switch r {
	case Anybody:
		return "nothing that tells a record"
	case SignedIn:
		return "see and end one's own sign-ins"
	case Files:
		return "read the data directory: the operating system decides who may"
	case MasterKey:
		return "write the data directory and hold the master key: the operating system decides who may"
	case ReadHealth:
		return "see whether everything is well"
	case ReadRecords:
		return "search and read records, sessions and the organisation; no content"
	case ExportRecords:
		return "download records"
	case ReadSettings:
		return "see settings, sign-ins and API tokens"
	case WriteSettings:
		return "make and end API tokens, end sign-ins, change the capture policy"
	case Operate:
		return "back up, rotate keys, import"
	case HandleAlerts:
		return "acknowledge and resolve alerts, make exceptions"
	case ReadCases:
		return "see cases one takes part in"
	case AllCases:
		return "see all cases; never their content"
	case OpenCase:
		return "open and lead cases"
	case RequestGrant:
		return "ask for content to be opened"
	case ApproveGrant:
		return "approve what somebody else asks for"
	case BreakGlass:
		return "open content alone in an emergency, which is reviewed"
	case ReviewGrant:
		return "review what was opened in an emergency"
	case OpenContent:
		return "open content under a grant"
	case ReadReviews:
		return "see who searched, opened and exported what"
	case ReadHolds:
		return "see legal holds"
	case SetHold:
		return "set legal holds"
	case ReleaseHold:
		return "release legal holds, two people"
	case Erase:
		return "erase records and content"
	case SetRetention:
		return "set how long what is kept"
	}
	return string(r)
}
