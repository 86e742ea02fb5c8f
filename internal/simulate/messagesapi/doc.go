// Package messagesapi is a small faithful stand-in for Anthropic's Messages API, for tests, demos and rehearsals: real
// clients talk to it and cannot tell, as far as the shapes they read go. It has no model. What it answers is scripted:
// a marker in the last prompt, such as
//
//	[[s:bash say=hello]]
//
// names a [Script] and fills the {say} of its texts and tool inputs; the number of assistant turns since that prompt
// selects the [Turn]. A prompt without a marker gets a plain text.
//
// It serves POST /v1/messages (streaming and not), POST /v1/messages/count_tokens, GET /v1/models, GET /v1/models/{id}
// and HEAD and GET /api/hello, with the headers, errors and stream events of
// https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/api/messages-count-tokens,
// https://platform.claude.com/docs/en/api/models-list, https://platform.claude.com/docs/en/api/errors and
// https://platform.claude.com/docs/en/build-with-claude/streaming; what a client asks of a gateway is at
// https://code.claude.com/docs/en/llm-gateway-protocol.
//
// Where [Options.PromptCache] is set, prompts are cached as https://platform.claude.com/docs/en/build-with-claude/prompt-caching
// tells, and a body that was changed on its way shows in what the answer says was read from the cache. Two things are stricter
// or simpler than the API: blocks are compared byte by byte in their own JSON, and a token is four bytes.
//
// It promises: no durability, everything is in memory and bounded; ids are a pure function of Options.Seed and the
// number of requests answered before, so that a client which asks one thing at a time sees the same ids in each run;
// an [API] and a [Server] are safe for concurrent use.
package messagesapi
