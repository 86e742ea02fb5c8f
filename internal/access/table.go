package access

import "slices"

// Entry is one line of the table: the right that a page, an address of the API or a command asks for.
type Entry struct {
	// Route is the pattern as the console registers it ("GET /record/{seq}"); "" for a command.
	Route string
	// Command is the words of a command ("case open"), with a flag where that makes it another one; "" for a route.
	Command string
	Right   Right
	// Fresh: it asks for a sign-in that is fresh, though its right does not everywhere.
	Fresh bool
	Does  string // in words, for documents and refusals
}

// table is all there is. A route or command that stands not here is refused, and fails a test.
var table = []Entry{
	{Route: "GET /static/", Right: Anybody, Does: "style and scripts of the pages"},
	{Route: "GET /healthz", Right: Anybody, Does: "whether the process lives, and its conditions"},
	{Route: "GET /readyz", Right: Anybody, Does: "whether it takes in"},
	{Route: "GET /metrics", Right: Anybody, Does: "counts, without a name in them"},
	{Route: "GET /debug/pprof/", Right: Anybody, Does: "profiles, where switched on"},
	{Route: "GET /debug/pprof/profile", Right: Anybody, Does: "profiles, where switched on"},
	{Route: "GET /enter", Right: Anybody, Does: "signing in by a link"},
	{Route: "GET /signin", Right: Anybody, Does: "signing in at the identity provider"},
	{Route: "GET /signin/callback", Right: Anybody, Does: "coming back from the identity provider"},
	{Route: "POST /signin/backchannel", Right: Anybody, Does: "the identity provider's word that somebody signed out"},
	{Route: "GET /signin/again", Right: SignedIn, Does: "signing in afresh"},
	{Route: "POST /leave", Right: SignedIn, Does: "signing out"},
	{Route: "GET /me", Right: SignedIn, Does: "one's own roles, rights and sign-ins"},
	{Route: "POST /me/end", Right: SignedIn, Does: "end sign-ins of one's own"},
	{Route: "GET /settings", Right: ReadSettings, Does: "who signs in, sign-ins, API tokens, roles, listeners"},
	{Route: "POST /settings/sign-ins/end", Right: WriteSettings, Does: "end other people's sign-ins"},
	{Route: "POST /settings/tokens", Right: WriteSettings, Does: "make an API token"},
	{Route: "POST /settings/tokens/end", Right: WriteSettings, Does: "end an API token"},
	{Route: "GET /{$}", Right: ReadHealth, Does: "overview"},
	{Route: "GET /health", Right: ReadHealth, Does: "health"},
	{Route: "GET /health/now", Right: ReadHealth, Does: "health, refreshed"},
	{Route: "GET /activity", Right: ReadRecords, Does: "search"},
	{Route: "GET /activity/counts", Right: ReadRecords, Does: "counts by value"},
	{Route: "GET /activity/new", Right: ReadRecords, Does: "how many are new"},
	{Route: "GET /activity/words", Right: ReadRecords, Does: "words of the query language"},
	{Route: "GET /activity/values", Right: ReadRecords, Does: "suggestions"},
	{Route: "GET /activity/export", Right: ExportRecords, Does: "download of records"},
	{Route: "GET /record/{seq}", Right: ReadRecords, Does: "one record"},
	{Route: "GET /record/{seq}/source", Right: ReadRecords, Does: "one record as its source sent it"},
	{Route: "GET /record/{seq}/proof", Right: ReadRecords, Does: "the proof of one record"},
	{Route: "GET /record/{seq}/proof.json", Right: ReadRecords, Does: "the proof as a file"},
	{Route: "GET /session", Right: ReadRecords, Does: "one session"},
	{Route: "GET /session/{id}", Right: ReadRecords, Does: "one session"},
	{Route: "GET /organisation", Right: ReadRecords, Does: "settings, keys and accounts of the organisation"},
	{Route: "GET /organisation/account", Right: ReadRecords, Does: "one account"},
	{Route: "GET /lifecycle", Right: ReadHealth, Does: "classes of retention and purges; legal holds for who may see those"},
	{Route: "POST /lifecycle/holds", Right: SetHold, Does: "set a legal hold"},
	{Route: "POST /lifecycle/holds/{id}/ask-release", Right: ReleaseHold, Does: "ask for the release of a hold"},
	{Route: "POST /lifecycle/holds/{id}/keep", Right: ReleaseHold, Does: "turn down the release of a hold"},
	{Route: "POST /lifecycle/holds/{id}/release", Right: ReleaseHold, Does: "release a hold, as a second person"},
	{Route: "POST /lifecycle/purge", Right: SetRetention, Does: "destroy what outlived its period"},
	{Route: "GET /alerts", Right: ReadRecords, Does: "alerts, and exceptions from rules"},
	{Route: "GET /alerts/{id}", Right: ReadRecords, Does: "one alert, and why it fired"},
	{Route: "POST /alerts/{id}/acknowledge", Right: HandleAlerts, Does: "say that one looks into an alert"},
	{Route: "POST /alerts/{id}/resolve", Right: HandleAlerts, Does: "close an alert"},
	{Route: "POST /alerts/{id}/except", Right: HandleAlerts, Does: "make an exception from a rule"},
	{Route: "POST /alerts/exceptions/{id}/end", Right: HandleAlerts, Does: "end an exception"},
	{Route: "GET /reviews", Right: ReadReviews, Does: "who looked at what"},
	{Route: "GET /reviews/export", Right: ReadReviews, Does: "download of who looked at what"},
	{Route: "GET /reviews/consultations", Right: ReadReviews, Does: "looks at one account, without who looked"},
	{Route: "GET /reviews/consultations/export", Right: ReadReviews, Does: "download of looks at one account"},
	{Route: "GET /cases", Right: ReadCases, Does: "list of cases"},
	{Route: "POST /cases", Right: OpenCase, Does: "open a case"},
	{Route: "GET /cases/new", Right: OpenCase, Does: "form that opens a case"},
	{Route: "GET /cases/{id}", Right: ReadCases, Does: "one case"},
	{Route: "POST /cases/{id}/join", Right: OpenCase, Does: "take somebody into a case"},
	{Route: "POST /cases/{id}/leave", Right: ReadCases, Does: "leave a case, or take somebody out"},
	{Route: "POST /cases/{id}/close", Right: OpenCase, Does: "close a case"},
	{Route: "GET /cases/ask", Right: RequestGrant, Does: "form that asks to open content"},
	{Route: "POST /cases/ask", Right: RequestGrant, Does: "ask to open content"},
	{Route: "GET /cases/glass", Right: BreakGlass, Does: "form that breaks the glass"},
	{Route: "POST /cases/glass", Right: BreakGlass, Does: "open content alone, at once"},
	{Route: "POST /grants/{id}/approve", Right: ApproveGrant, Does: "approve an opening"},
	{Route: "POST /grants/{id}/deny", Right: ApproveGrant, Does: "deny an opening"},
	{Route: "POST /grants/{id}/withdraw", Right: ReadCases, Does: "end a grant or a request"},
	{Route: "POST /grants/{id}/review", Right: ReviewGrant, Does: "review a broken glass"},
	{Route: "GET /api/v1/cases", Right: ReadCases, Does: "list of cases"},
	{Route: "POST /api/v1/cases", Right: OpenCase, Does: "open a case"},
	{Route: "GET /api/v1/cases/{id}", Right: ReadCases, Does: "one case"},
	{Route: "POST /api/v1/cases/{id}/grants", Right: RequestGrant, Does: "ask to open content"},
	{Route: "POST /api/v1/cases/{id}/glass", Right: BreakGlass, Does: "open content alone, at once"},
	{Route: "POST /api/v1/grants/{id}/approve", Right: ApproveGrant, Does: "approve an opening"},
	{Route: "POST /api/v1/grants/{id}/deny", Right: ApproveGrant, Does: "deny an opening"},
	{Route: "POST /api/v1/grants/{id}/withdraw", Right: ReadCases, Does: "end a grant or a request"},
	{Route: "POST /api/v1/grants/{id}/review", Right: ReviewGrant, Does: "review a broken glass"},
	{Route: "GET /api/v1/content/{seq}", Right: OpenContent, Does: "content of one record, under a grant"},
	{Route: "GET /session/{id}/content", Right: OpenContent, Does: "content of one session, under a grant"},
	{Route: "GET /record/{seq}/content", Right: OpenContent, Does: "content of one record, under a grant"},
	{Route: "GET /reviews/digest", Right: ReadReviews, Does: "weekly digests of who looked"},
	{Route: "GET /reviews/digest/{week}", Right: ReadReviews, Does: "the digest of one week"},
	{Route: "GET /settings/capture", Right: ReadSettings, Does: "what content is kept for whom, and what other rules would change"},
	{Route: "POST /settings/capture", Right: WriteSettings, Fresh: true, Does: "write the capture policy to the configuration file"},
	{Route: "GET /api/v1/search", Right: ReadRecords, Does: "search"},
	{Route: "GET /api/v1/facets", Right: ReadRecords, Does: "counts by value"},
	{Route: "GET /api/v1/histogram", Right: ReadRecords, Does: "counts by time"},

	{Command: "case open", Right: OpenCase, Does: "open a case"},
	{Command: "case list", Right: ReadCases, Does: "cases"},
	{Command: "case show", Right: ReadCases, Does: "one case"},
	{Command: "case close", Right: OpenCase, Does: "close a case"},
	{Command: "case join", Right: OpenCase, Does: "take somebody into a case"},
	{Command: "case leave", Right: ReadCases, Does: "leave a case, or take somebody out"},
	{Command: "case request", Right: RequestGrant, Does: "ask to open content"},
	{Command: "case approve", Right: ApproveGrant, Does: "approve an opening"},
	{Command: "case deny", Right: ApproveGrant, Does: "deny an opening"},
	{Command: "case withdraw", Right: ReadCases, Does: "end a grant or a request"},
	{Command: "case break-glass", Right: BreakGlass, Does: "open content alone, at once"},
	{Command: "case review", Right: ReviewGrant, Does: "review a broken glass"},
	{Command: "record --content", Right: OpenContent, Does: "content of one record, under a grant"},
	{Command: "erase", Right: Erase, Does: "destroy a record or a container's content"},
	{Command: "alert list", Right: ReadRecords, Does: "alerts"},
	{Command: "alert show", Right: ReadRecords, Does: "one alert, and why it fired"},
	{Command: "alert ack", Right: HandleAlerts, Does: "say that one looks into an alert"},
	{Command: "alert resolve", Right: HandleAlerts, Does: "close an alert"},
	{Command: "alert except", Right: HandleAlerts, Does: "make an exception from a rule"},
	{Command: "alert exceptions", Right: ReadRecords, Does: "exceptions from rules"},
	{Command: "alert end-exception", Right: HandleAlerts, Does: "end an exception"},
	{Command: "hold list", Right: ReadHolds, Does: "legal holds"},
	{Command: "hold show", Right: ReadHolds, Does: "one legal hold"},
	{Command: "hold set", Right: SetHold, Does: "set a legal hold"},
	{Command: "hold ask-release", Right: ReleaseHold, Does: "ask for the release of a hold"},
	{Command: "hold keep", Right: ReleaseHold, Does: "turn down the release of a hold"},
	{Command: "hold release", Right: ReleaseHold, Does: "release a hold, as a second person"},
	{Command: "retention list", Right: ReadHealth, Does: "classes of retention"},
	{Command: "retention plan", Right: ReadSettings, Does: "what a purge would destroy"},
	{Command: "retention countdowns", Right: ReadRecords, Does: "where evidence disappears elsewhere, and what of it is held"},
	{Command: "retention purge", Right: SetRetention, Does: "destroy what outlived its period"},
	{Command: "forward redrive", Right: Operate, Does: "send dead letters of a sink again"},
	{Command: "forward backfill", Right: Operate, Does: "send a sink what stands from a position on"},
	{Command: "forward probe", Right: Operate, Does: "send a sink a marker and read it back"},
	{Command: "backup", Right: Operate, Does: "back the data directory up"},
	{Command: "keys rotate master", Right: Operate, Does: "put data keys under a new master key"},
	{Command: "keys rotate ledger", Right: Operate, Does: "hand over to a new signing key"},
	{Command: "keys rotate data", Right: Operate, Does: "encrypt content anew under new data keys"},
	{Command: "import", Right: Operate, Does: "take in an audit log export"},
	{Command: "reviews list", Right: ReadReviews, Does: "who looked at what"},
	{Command: "reviews consultations", Right: ReadReviews, Does: "looks at one account, without who looked"},
	{Command: "reviews digest", Right: ReadReviews, Does: "the digest of one week"},
	{Command: "access tokens list", Right: ReadSettings, Does: "API tokens"},
	{Command: "access tokens make", Right: WriteSettings, Does: "make an API token"},
	{Command: "access tokens end", Right: WriteSettings, Does: "end an API token"},
	{Command: "access sessions list", Right: ReadSettings, Does: "who is signed in"},
	{Command: "access sessions end", Right: WriteSettings, Does: "end sign-ins"},
	{Command: "doctor", Right: Anybody, Does: "what a running serve finds out about its keys and its gateway; no record"},
	{Command: "console", Right: SignedIn, Does: "a link into the console"},
	{Command: "console --revoke", Right: WriteSettings, Does: "end every sign-in"},

	{Command: "serve", Right: MasterKey, Does: "run Tripod on a data directory"},
	{Command: "recover", Right: MasterKey, Does: "mend a ledger that is longer than its journal; recorded"},
	{Command: "rebuild", Right: Files, Does: "compute a view again; changes no evidence"},
	{Command: "restore", Right: MasterKey, Does: "make a data directory of a backup; recorded there"},
	{Command: "keys check", Right: MasterKey, Does: "whether every key opens what it is for"},
	{Command: "keys pin", Right: MasterKey, Does: "keyed hash of an API key"},
	{Command: "keys export", Right: Files, Does: "public key of the ledger"},
	{Command: "forward list", Right: Files, Does: "how far each sink is, and its dead letters"},
	{Command: "search", Right: Files, Does: "search, by the files of the index"},
	{Command: "session", Right: Files, Does: "one session"},
	{Command: "record", Right: Files, Does: "one record and its proof; no content"},
	{Command: "discrepancies", Right: Files, Does: "what disagrees and what did not come"},
	{Command: "organisation summary", Right: Files, Does: "the organisation at a glance"},
	{Command: "organisation settings", Right: Files, Does: "settings of the organisation"},
	{Command: "organisation keys", Right: Files, Does: "keys of the organisation"},
	{Command: "organisation callers", Right: Files, Does: "who calls the Compliance API"},
	{Command: "organisation accounts", Right: Files, Does: "accounts of the organisation"},
	{Command: "organisation account", Right: Files, Does: "one account"},
	{Command: "verify", Right: Files, Does: "prove that nothing was removed or altered"},
	{Command: "verify-backup", Right: Files, Does: "check a repository of backups"},
	{Command: "rules replay", Right: Files, Does: "how often detections would have fired"},
	{Command: "policy explain", Right: Files, Does: "a verdict that is on record"},
	{Command: "policy capture explain", Right: Files, Does: "what content is kept of an account"},

	{Command: "demo", Right: Anybody, Does: "a simulated enterprise in a directory of its own"},
	{Command: "keys identity", Right: Anybody, Does: "make a key that opens backups"},
	{Command: "export siem", Right: Anybody, Does: "write the mappings a SIEM needs; no record is read"},
	{Command: "rules list", Right: Anybody, Does: "detections of a configuration"},
	{Command: "rules show", Right: Anybody, Does: "one detection"},
	{Command: "rules test", Right: Anybody, Does: "run the cases of detections"},
	{Command: "policy test", Right: Anybody, Does: "run the cases of rule files"},
	{Command: "forward validate", Right: Anybody, Does: "check events by the schema of OCSF"},
	{Command: "policy check", Right: Anybody, Does: "what rules answer to a text that is given"},
	{Command: "policy rules", Right: Anybody, Does: "rules of a configuration"},
	{Command: "policy detectors", Right: Anybody, Does: "what is found in text"},
	{Command: "policy capture list", Right: Anybody, Does: "rules of a configuration that say what content is kept"},
	{Command: "simulate compliance-api", Right: Anybody, Does: "a stand-in for the Compliance API"},
	{Command: "simulate fleet", Right: Anybody, Does: "stand-ins for clients"},
	{Command: "simulate messages-api", Right: Anybody, Does: "a stand-in for the Messages API"},
	{Command: "simulate siem", Right: Anybody, Does: "stand-ins for the receivers of forwarding over HTTP"},
	{Command: "access table", Right: Anybody, Does: "this table"},
	{Command: "access check", Right: Anybody, Does: "what the identity provider says of itself"},
	{Command: "version", Right: Anybody, Does: "the version"},
}

// Table lists every entry.
func Table() []Entry { return slices.Clone(table) }

// ForRoute finds the right a route asks for; ok is false for one that stands in no line.
func ForRoute(pattern string) (Right, bool) {
	i := slices.IndexFunc(table, func(e Entry) bool { return e.Route != "" && e.Route == pattern })
	if i < 0 {
		return "", false
	}
	return table[i].Right, true
}

// FreshFor reports whether a route asks for a fresh sign-in: because its right does, or by itself.
func FreshFor(pattern string) bool {
	i := slices.IndexFunc(table, func(e Entry) bool { return e.Route != "" && e.Route == pattern })
	return i >= 0 && (table[i].Fresh || StepUp(table[i].Right))
}

// ForCommand finds the right a command asks for; ok is false for one that stands in no line.
func ForCommand(words string) (Right, bool) {
	i := slices.IndexFunc(table, func(e Entry) bool { return e.Command != "" && e.Command == words })
	if i < 0 {
		return "", false
	}
	return table[i].Right, true
}
