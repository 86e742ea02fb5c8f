package normalise

import (
	"strings"

	"github.com/tripod-audit/tripod/internal/audit"
)

// The allow list of the feed: every attribute of it whose text may stay in a record, and those whose class of content is
// known, by their path without the positions in lists ("updates.type"). A name that is on no list is of class text, as
// everywhere: nobody knows what tomorrow's attribute carries.
//
// Source: https://platform.claude.com/docs/en/api/compliance/activities/list, November 2026.

// dispositions reads the lists.
func dispositions() map[string]audit.Disposition {
	m := make(map[string]audit.Disposition)
	for _, l := range []struct {
		names string
		d     audit.Disposition
	}{{envelope, audit.Keep}, {kept, audit.Keep}, {named, audit.Detail}, {written, audit.Text}} {
		for _, n := range strings.Fields(l.names) {
			m[n] = l.d
		}
	}
	return m
}

// opened are the objects whose fields the lists know: they stand in a record one by one. Any other object is one piece
// of content.
func opened(m map[string]audit.Disposition) map[string]bool {
	open := make(map[string]bool)
	for path := range m {
		for i := strings.LastIndexByte(path, '.'); i > 0; i = strings.LastIndexByte(path[:i], '.') {
			open[path[:i]] = true
		}
	}
	return open
}

// envelope is what every activity has, and its actor.
const envelope = `
id type created_at organization_id organization_uuid actor.type actor.user_id actor.email_address actor.unauthenticated_email_address actor.api_key_id
actor.admin_api_key_id actor.ip_address actor.user_agent actor.service actor.service_account_id actor.directory_id actor.workos_event_id
actor.idp_connection_type actor.issuer actor.subject actor.audience actor.provider.type actor.provider.account_id actor.provider.signed_principal
actor.provider.subscription_id actor.provider.project_number actor.provider.issuer actor.external_client_id actor.kid_hash`

// kept are identifiers, enumerations, times and e-mail addresses of accounts.
const kept = `
abuse_session_id access_level access_via accessed_at accessor_department account_id action admin_api_key_id agent_id agent_ids alert_emails
alerted_roles algorithm api_key_id artifact_type assertion_jti audience.type auth_method authorization_basis.granting_role_ids
authorization_basis.slack_channel_id authorization_basis.slack_enterprise_id authorization_basis.slack_team_id baa_content_hash billing_interval
cadence cascade_trigger_credential_id cascaded_agent_ids cascaded_from_agent_id certificate_fingerprint certificate_id claude_artifact_id
claude_artifact_version_id claude_chat_id claude_chat_snapshot_id claude_chat_sync_source_id claude_file_id claude_project_document_id
claude_project_id claude_project_ids claude_project_sync_source_id claude_published_artifact_id command_id config_id connection_id connection_type
consent_id consent_type conversation_id correlation_id cowork_session_id creation_method credential_id credential_type current_mappings.seat_tier
current_role current_seat_tier decision default_model delegating_jti deleted_user_email deleted_user_id deployment_id design_project_id destination_id
dismissal_reason enforcement_mode enrollment_method entity_id entity_type environment_id error_subtype error_type event_data.external_client_id
event_data.federation_rule_id event_data.issuer_id event_data.kid_hash event_data.oidc_token.jti event_data.requested_service_account_id
event_data.workspace_id excluded_runner_id expires_at export_destination export_type extension_id external_key_id fail_mode federation_issuer_id
federation_rule_id file_id folder_id from_date ghe_configuration_id github_access.access_mode github_access_changes.access_mode
github_access_changes.previous_access_mode github_app_client_id grant_type granted_scopes group_id guest_policy guide_id hour installation_preference
integration_id integration_type invite_id invited_email invited_rbac_group_ids invited_role invited_seat_tier invitee_email invitee_user_id jti
key_backing_type limit_action limit_type limiter_type link_id lti_platform_id managed_auth_mode marketplace_id max_permission mcp_directory_server_id
mcp_server_id mcp_server_name member_ids memory_id memory_store_id memory_version_id method mfa_method model model_access.api_name
model_access.max_effort_level model_group new_checksum new_collection_method new_link_permission new_mode new_otlp_content_capture new_otlp_protocol
new_owner_id new_plan new_scope new_signing_key_id new_write_mode oauth_app_id old_plan old_signing_key_id opt_decision otlp_headers_change outcome
per_review_limit_usd plan_type platform plugin_id plugin_name policies.audience policies.visibility_type previous_access_level previous_billing_type
previous_checksum previous_credential_id previous_environment_id previous_github_app_client_id previous_link_permission previous_mappings.seat_tier
previous_max_permission previous_mode previous_model previous_otlp_content_capture previous_otlp_protocol previous_owner_id
previous_per_review_limit_usd previous_policies.audience previous_policies.visibility_type previous_role previous_scope previous_seat_tier
previous_write_mode principal_id principal_type profile_id program_slug project_type provider reason_code reference_id request_id request_method
request_type requester_user_id resource_details.id resource_details.parent resource_details.type resource_id resource_type resources.id resources.type
result resync_uuid role role_id rule_id runner_id runner_pool_id scan_id scan_project_id scope scope_id scope_kind scopes service_account_id
service_key_id session_id setup_guide_content_hash share_id signing_key_id skill_id slack_channel_id slack_team_id source source_project_id
spend_limit_id spend_limit_increase_request_id status status.outcome submission_id submitted_by_user_id surface sync_destinations taint target_id
target_type thread_id to_date token_fingerprint_sha256 token_id tool_name trigger_mode trusted_device_id tunnel_id tunnel_token_id updated_fields
updates.current_value.data_type updates.current_value.org_id updates.current_value.timescale updates.current_value.type
updates.previous_value.data_type updates.previous_value.org_id updates.previous_value.timescale updates.previous_value.type updates.settings_uuid
updates.type user_email user_id validation_result verification_id verification_type version webhook_id workspace_id`

// named are what people named.
const named = `
api_key_name authorization_server_issuer baa_version_label cli_name command_name current_mappings.idp_group_name default_source_urls display_name
domain extra_header_names filename github_access.repos github_access_changes.repos_added github_access_changes.repos_removed github_username
group_name guide_name guide_short_code host_constraint hostname key_group_identifier key_name keys_deleted keys_written label lti_platform_issuer
mcp_directory_server_name new_otlp_endpoint new_otlp_resource_attributes new_value op_name organization_name previous_display_name
previous_mappings.idp_group_name previous_otlp_endpoint previous_otlp_resource_attributes previous_value reason repo repo_name repo_owner
repository_name resource_descriptor role_name service_name skill_name slack_alias slug status.detail status.reason title token_name
updates.current_value updates.current_value.domain_filters.allowed_domains updates.current_value.domain_filters.blocked_domains
updates.current_value.org_name updates.previous_value updates.previous_value.domain_filters.allowed_domains
updates.previous_value.domain_filters.blocked_domains updates.previous_value.org_name url webhook_url`

// written are what people wrote.
const written = `
deny_message description request_body`
