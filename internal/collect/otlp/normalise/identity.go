package normalise

import (
	"net/url"
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// keys fills in the identifiers by which records of different sources are joined.
func (m *maker) keys() {
	k := &m.rec.Keys
	k.Session = m.str(sessionID, conversationID)
	k.Prompt = m.str(promptID)
	k.Request = m.str(requestID)
	k.ClientRequest = m.str(clientRequestID)
	k.ToolUse = m.str(toolUseID, toolCallID)
	k.Message = m.str(messageUUID, messageID)
	k.Agent = m.str(agentID, genAgentID)
	k.ParentAgent = m.str(parentAgentID)
	k.Workflow = m.str(workflowRunID)
	k.Body = m.str(requestBodyID)
	// Claude Code puts the API's request id where the conventions want the message's.
	switch id := m.str(responseID); {
	case k.Request == "" && strings.HasPrefix(id, "req_"):
		k.Request = id
	case k.Message == "" && strings.HasPrefix(id, "msg_"):
		k.Message = id
	}
	m.rec.Model = m.str(model, responseModel, requestModel)
}

// gatewaySignIn is the identity.source of sessions signed in through a Claude apps gateway, whose user.id is the subject
// at the identity provider; everywhere else it is the installation's.
const gatewaySignIn = "gateway-oidc"

// account fills in what the client says of itself and what its credential proves.
func (m *maker) account() {
	a := &m.rec.Account.Asserted
	a.User = m.str(accountID)
	a.UUID = m.str(accountUUID)
	a.Email = strings.ToLower(m.str(userEmail))
	a.Org = m.str(organizationID)
	a.Subject = m.str(endUserSub)
	a.OSUser = m.str(processOwner)
	if m.str(identitySource) == gatewaySignIn {
		if a.Subject == "" {
			a.Subject = m.str(userID)
		}
	} else {
		a.Device = m.str(userID)
	}
	if end := m.str(endUserID); end != "" { // set by an administrator: an address, or the provider's subject
		switch {
		case a.Email == "" && strings.Contains(end, "@"):
			a.Email = strings.ToLower(end)
		case a.Subject == "":
			a.Subject = end
		}
	}
	a.Groups = m.groups()
	p := &m.rec.Account.Proved
	*p = m.Proved
	p.Credential = m.Credential
	if mismatch(a, p) {
		m.own.flag(audit.FlagIdentityMismatch)
	}
}

// groups reads a list, or names with commas between them.
func (m *maker) groups() []string {
	v, ok := m.get(userGroups)
	if !ok {
		return nil
	}
	var groups []string
	for _, item := range v.Items() {
		if s := item.Text(); s != "" {
			groups = append(groups, s)
		}
	}
	for _, s := range strings.Split(v.Str(), ",") {
		if s = strings.TrimSpace(s); s != "" {
			groups = append(groups, s)
		}
	}
	return groups
}

// mismatch reports whether the client says of itself what its credential disproves.
func mismatch(asserted, proved *audit.Identity) bool {
	differ := func(a, p string) bool { return a != "" && p != "" && a != p }
	return differ(asserted.User, proved.User) || differ(asserted.UUID, proved.UUID) ||
		differ(asserted.Email, strings.ToLower(proved.Email)) || differ(asserted.Subject, proved.Subject) ||
		differ(asserted.Org, proved.Org) || differ(asserted.Device, proved.Device) || differ(asserted.OSUser, proved.OSUser)
}

// container names what the record's content belongs to. The credential is part of it, so that nobody can write into a
// container that another credential fills.
func (m *maker) container() string {
	kind, id := "session", m.rec.Keys.Session
	switch {
	case id != "":
	case m.rec.Account.Asserted.Device != "":
		kind, id = "device", m.rec.Account.Asserted.Device
	case m.rec.Keys.Trace != "":
		kind, id = "trace", m.rec.Keys.Trace
	default:
		kind, id = "service", m.service.Name
	}
	cred := segment(m.Credential)
	if m.Credential == "-" {
		cred = "%2D" // "-" stands for none
	}
	return kind + "/" + cred + "/" + segment(id)
}

// segment keeps a name from reaching beyond its place between slashes.
func segment(s string) string {
	if s == "" {
		return "-"
	}
	if strings.ContainsAny(s, "/%") {
		return url.PathEscape(s)
	}
	return s
}
