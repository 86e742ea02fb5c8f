// Package complianceapi is a stand-in for Anthropic's Compliance API that shows a simulated enterprise: its activity feed,
// chats, files, projects, session transcripts, directory and settings. No sandbox of the real one exists; this one
// follows the vendor's public pages, of which the first is
// https://platform.claude.com/docs/en/manage-claude/compliance-api (guides: compliance-api-access,
// compliance-activity-feed, compliance-content-data, compliance-sessions, compliance-org-data, compliance-errors; routes:
// https://platform.claude.com/docs/en/api/compliance), including what hurts: rows that are indexed late, ties, rows
// delivered twice, fields that are blanked, short and empty pages, tokens that expire, times without a zone, one budget for
// all keys, deletions that cascade.
//
// It promises: nothing is durable, and memory is bounded whatever is asked for: the past is made of the world when it is
// wanted and held in bounded caches, own calls are remembered up to [MaxCalls]; only the list of chats and sessions grows
// with [Options.Since]. The same options and the same requests in the same order at the same times get the same answers,
// faults included: what befalls a request depends on the seed and its number alone. Rows of the feed are in order of
// created_at and then of id, whatever the page size. An [API] and a [Server] are safe for concurrent use; the numbers of
// concurrent requests are then in no particular order.
package complianceapi
