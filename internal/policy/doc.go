// Package policy judges what passes an enforcement point: one evaluator for prompts, replies, tool calls and their results,
// egress and MCP, so that a rule means the same wherever it is applied. Rules are YAML with conditions in CEL; detectors
// (package detector) find credentials and personal data in text; the answer is a Verdict, which the enforcement point
// carries out and records.
//
// It promises: an evaluation never panics and never errors otherwise than by Verdict.Failed; the same event under the same
// rule set gets the same verdict, whatever was judged before it, but for what rules noted of its session (marks); rules are tried in the order of their files and of the
// lines in them. A rule set is refused whole or in force whole: one Evaluate sees one set, also while another is loaded.
// Nothing is durable here: the caches are memory, bounded, and hold offsets, never text. An Engine is safe for concurrent
// use; a Stream belongs to one goroutine. Errors and logs name rules, files and kinds of findings, never the text judged.
package policy
