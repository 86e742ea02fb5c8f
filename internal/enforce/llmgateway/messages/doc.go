// Package messages reads the traffic of the Messages API without changing a byte of it: requests, answers and streams of
// server-sent events. It says where in the bytes each block and each string a model reads stands, so that what is judged
// is what is forwarded. Shapes are those of https://platform.claude.com/docs/en/api/messages and
// https://platform.claude.com/docs/en/build-with-claude/streaming.
//
// Bodies are read strictly, because a verdict rests on them: a name that stands twice in one object, text that is no
// UTF-8, bytes behind the end and too deep nesting are a *[Malformed]. What is merely unknown (block types, roles, fields)
// is never an error: it is kept as a block with the strings in it.
//
// It promises no durability: nothing is kept but what a [Memory] holds, within its bound. Blocks, texts and events come in
// the order of the bytes. Functions are safe for concurrent use and so is a Memory; a [Splitter], a [Reply] and a
// [Decoding] belong to one goroutine. No goroutine is started, errors carry offsets and never content.
package messages
