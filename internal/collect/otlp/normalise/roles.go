package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// role is what an attribute means to the record, besides standing in it.
type role uint8

// The roles. Those from firstIdentity to lastIdentity say who acted.
const (
	noRole role = iota
	userID
	userEmail
	accountUUID
	accountID
	organizationID
	endUserID
	endUserSub
	processOwner
	userGroups
	identitySource
	serviceName
	serviceVersion
	sessionID
	conversationID
	cloudSessionID
	coworkSurface
	terminalType
	hostPaths
	eventName
	eventTimestamp
	eventSequence
	promptID
	requestID
	clientRequestID
	requestBodyID
	toolUseID
	toolCallID
	messageUUID
	messageID
	responseID
	agentID
	genAgentID
	parentAgentID
	workflowRunID
	model
	requestModel
	responseModel
	toolName
	genToolName
	mcpServerName
	anthropicMCPServer
	serverName
	durationMS
	totalDurationMS
	success
	decision
	action
	status
	numBlocking
	numFailed
	errorType
	stopReason
	result
	spanType
	operation
	subagentType
	skillName
	toolDetails
	standard // says nothing of its own, but stands alike on every point of an export
	numRoles

	firstIdentity = userID
	lastIdentity  = processOwner
)

// roles gives attribute names their meaning.
var roles = map[string]role{
	"user.id": userID, "user.email": userEmail, "user.account_uuid": accountUUID, "user.account_id": accountID,
	"organization.id": organizationID, "enduser.id": endUserID, "enduser.sub": endUserSub, "process.owner": processOwner,
	"user.groups": userGroups, "identity.source": identitySource,

	"service.name": serviceName, "service.version": serviceVersion, "ccr.session.id": cloudSessionID,
	"cowork.surface": coworkSurface, "cowork_surface": coworkSurface, "terminal.type": terminalType, "workspace.host_paths": hostPaths,

	"session.id": sessionID, "gen_ai.conversation.id": conversationID, "prompt.id": promptID, "request_id": requestID,
	"client_request_id": clientRequestID, "request_body_id": requestBodyID, "tool_use_id": toolUseID,
	"gen_ai.tool.call.id": toolCallID, "message.uuid": messageUUID, "message.id": messageID, "gen_ai.response.id": responseID,
	"agent_id": agentID, "gen_ai.agent.id": genAgentID, "parent_agent_id": parentAgentID, "workflow.run_id": workflowRunID,

	"event.name": eventName, "event.timestamp": eventTimestamp, "event.sequence": eventSequence,

	"model": model, "gen_ai.request.model": requestModel, "gen_ai.response.model": responseModel, "tool_name": toolName,
	"gen_ai.tool.name": genToolName, "mcp_server.name": mcpServerName, "anthropic.mcp.server.name": anthropicMCPServer,
	"server_name": serverName, "subagent_type": subagentType, "skill.name": skillName,
	"tool_parameters": toolDetails, "tool_input": toolDetails,

	"duration_ms": durationMS, "interaction.duration_ms": durationMS, "total_duration_ms": totalDurationMS,
	"success": success, "decision": decision, "action": action, "status": status, "num_blocking": numBlocking,
	"num_non_blocking_error": numFailed, "error.type": errorType, "error_type": errorType,
	"stop_reason": stopReason, "result": result,
	"span.type": spanType, "gen_ai.operation.name": operation,

	"app.version": standard, "app.entrypoint": standard, "anthropic.provider": standard, "anthropic.custom_base_url": standard,
	"vcs.provider.name": standard, "host.arch": standard, "os.type": standard, "os.version": standard, "wsl.version": standard,
	"claude.deployment_mode": standard,
}

// onEveryPoint reports whether an attribute of the role says something of the whole export rather than of one point.
func (r role) onEveryPoint() bool {
	return r >= userID && r <= hostPaths || r == standard
}

// facts tell where in a list of attributes each role stands, counted from 1; 0 is nowhere, negative beside the record.
type facts [numRoles]int16

func (f *facts) text(attrs audit.Attrs, r role) string {
	if i := f[r]; i > 0 {
		return attrs[i-1].Value.Text()
	}
	return ""
}

// sameIdentity compares two values of one identity attribute. Mail addresses differ in case without differing.
func sameIdentity(r role, a, b audit.Value) bool {
	if r == userEmail {
		return strings.EqualFold(a.Text(), b.Text())
	}
	return a.Text() == b.Text()
}
