package search

import "slices"

// Field is something a query can ask for.
type Field uint8

// The fields. FieldWord is a word without a field.
const (
	FieldUser Field = iota + 1
	FieldIP
	FieldDevice
	FieldKey
	FieldModel
	FieldSource
	FieldSurface
	FieldActivity
	FieldType
	FieldTool
	FieldMCP
	FieldOutcome
	FieldOrg
	FieldRule
	FieldCase
	FieldFlag
	FieldSession
	FieldPrompt
	FieldRequest
	FieldToolUse
	FieldMessage
	FieldChat
	FieldProject
	FieldAgent
	FieldTrace
	FieldAfter
	FieldBefore
	FieldAt
	FieldWord
)

type kind uint8

const (
	kindName kind = iota + 1 // short values, matched without regard to case, whole or by prefix
	kindKey                  // identifiers that join records, matched whole
	kindTime
	kindWord
)

type fieldInfo struct {
	name  string
	kind  kind
	facet bool // may be counted by value: it names no person and no device
	help  string
}

// fieldTable is indexed by Field.
var fieldTable = [...]fieldInfo{
	FieldUser:     {"user", kindName, false, "any identifier of the account: e-mail, user id, UUID, subject, login name, service"},
	FieldIP:       {"ip", kindName, false, "network address the record came from"},
	FieldDevice:   {"device", kindName, false, "installation or device id"},
	FieldKey:      {"key", kindName, false, "API key id, or name of the credential that delivered the record"},
	FieldModel:    {"model", kindName, true, "model"},
	FieldSource:   {"source", kindName, true, "who reported the record"},
	FieldSurface:  {"surface", kindName, true, "product used"},
	FieldActivity: {"activity", kindName, true, "what was done"},
	FieldType:     {"type", kindName, true, "the source's own name of what was done"},
	FieldTool:     {"tool", kindName, true, "tool"},
	FieldMCP:      {"mcp", kindName, true, "MCP server"},
	FieldOutcome:  {"outcome", kindName, true, "success, failure, denied or unknown"},
	FieldOrg:      {"org", kindName, true, "vendor organisation id"},
	FieldRule:     {"rule", kindName, true, "policy or detection rule"},
	FieldCase:     {"case", kindName, true, "case under which one of Tripod's own acts was done"},
	FieldFlag:     {"flag", kindName, true, "what is odd about a record: clock_absurd, identity_mismatch …"},
	FieldSession:  {"session", kindKey, false, "session id"},
	FieldPrompt:   {"prompt", kindKey, false, "prompt id"},
	FieldRequest:  {"request", kindKey, false, "the API's or the client's id of a request"},
	FieldToolUse:  {"tool_use", kindKey, false, "tool use id"},
	FieldMessage:  {"message", kindKey, false, "message id"},
	FieldChat:     {"chat", kindKey, false, "chat id"},
	FieldProject:  {"project", kindKey, false, "project id"},
	FieldAgent:    {"agent", kindKey, false, "sub-agent id, or that of the agent that started it"},
	FieldTrace:    {"trace", kindKey, false, "trace id"},
	FieldAfter:    {"after", kindTime, false, "from this time on"},
	FieldBefore:   {"before", kindTime, false, "before this time"},
	FieldAt:       {"at", kindTime, false, "within this year, month, day, hour, minute or second"},
	FieldWord:     {"", kindWord, false, "any name or id"},
}

// String is the name of the field as queries spell it; "" for FieldWord.
func (f Field) String() string { return f.info().name }

// Help says in a few words what the field holds.
func (f Field) Help() string { return f.info().help }

// IsKey reports whether the field holds identifiers that join records; they are matched whole and have no facets.
func (f Field) IsKey() bool { return f.info().kind == kindKey }

// HasFacets reports whether Reader.Facets counts this field.
func (f Field) HasFacets() bool { return f.info().facet }

func (f Field) info() fieldInfo {
	if int(f) < len(fieldTable) {
		return fieldTable[f]
	}
	return fieldInfo{}
}

// Fields lists the fields a query can name, in the order documents show them.
func Fields() []Field {
	list := make([]Field, 0, len(fieldTable))
	for f := FieldUser; f < FieldWord; f++ {
		list = append(list, f)
	}
	return list
}

// FieldByName finds a field by its name in lower case. What delivered a record is called a credential everywhere else, so
// key: has that name too.
func FieldByName(name string) (Field, bool) {
	if name == "credential" {
		return FieldKey, true
	}
	for f := FieldUser; f < FieldWord; f++ {
		if fieldTable[f].name == name {
			return f, true
		}
	}
	return 0, false
}

// Nearest finds the candidate closest to a misspelt word, without regard to case, "" if none is close enough to suggest.
func Nearest(word string, candidates []string) string {
	folded := make([]string, len(candidates))
	for i, c := range candidates {
		folded[i] = fold(c)
	}
	near := nearest(fold(word), folded)
	if i := slices.Index(folded, near); near != "" && i >= 0 {
		return candidates[i]
	}
	return ""
}

// nearest finds the candidate closest to a misspelt word, "" if none is close enough to suggest.
func nearest(word string, candidates []string) string {
	best, least := "", len(word)/2+1
	if least > 3 {
		least = 3
	}
	for _, c := range candidates {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// distance counts the single-byte edits and swaps of neighbours between two short words.
func distance(a, b string) int {
	if len(a) > 32 || len(b) > 32 {
		return 32
	}
	var d [33][33]int
	for i := 0; i <= len(a); i++ {
		d[i][0] = i
	}
	for j := 0; j <= len(b); j++ {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
