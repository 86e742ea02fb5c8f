package messages

import (
	"regexp"
	"strings"

	"github.com/go-json-experiment/json"
)

// Identity is what metadata.user_id says of who asks. Clients assert it.
type Identity struct{ Device, Account, Session string }

// oldUserID is the form of older releases: user_HASH_account_UUID_session_UUID, the account empty without a login.
var oldUserID = regexp.MustCompile(`^user_([0-9a-f]+)_account_([0-9A-Za-z-]*)_session_([0-9A-Za-z-]+)$`)

// ReadIdentity reads metadata.user_id in both forms Claude Code has: a JSON object in a string, and one joined by
// underscores. Anything else, which is any other client's own, is no identity.
func ReadIdentity(userID string) Identity {
	if strings.HasPrefix(userID, "{") {
		var v struct {
			Device  string `json:"device_id"`
			Account string `json:"account_uuid"`
			Session string `json:"session_id"`
		}
		if err := json.Unmarshal([]byte(userID), &v); err != nil {
			return Identity{}
		}
		return Identity{v.Device, v.Account, v.Session}
	}
	if m := oldUserID.FindStringSubmatch(userID); m != nil {
		return Identity{m[1], m[2], m[3]}
	}
	return Identity{}
}

const billingPrefix = "x-anthropic-billing-header:"

// billing reads the attribution that Claude Code puts into its first system block; nil where the text is none.
func billing(text string) map[string]string {
	rest, ok := strings.CutPrefix(text, billingPrefix)
	if !ok {
		return nil
	}
	fields := make(map[string]string)
	for part := range strings.SplitSeq(rest, ";") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if ok && name != "" && len(fields) < 32 {
			fields[name] = value
		}
	}
	return fields
}
