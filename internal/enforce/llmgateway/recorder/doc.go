// Package recorder makes records of what passes the LLM gateway, and closes every exchange: what began to be recorded has,
// sooner or later, a record of how it ended.
//
// Durability. In observe mode nothing waits: what is noted is written behind the traffic, in batches, in the order it
// was noted, 25 ms after the first of a batch at the latest if the journal keeps up. A kill can leave unrecorded what
// waits and the batch under way: at most Config.MaxExchanges notes (an exchange has two to a handful) and
// Config.MaxBytes of content; the gauge tripod_gateway_record_waiting says how many at any moment. In enforce mode the
// gateway calls Exchange.Durable before anything goes upstream: nil means that everything noted so far is in the
// journal. The set of exchanges that began and did not end is the journal cursor "gateway.llm"; it commits with the very
// records it speaks of. What an earlier run left open is closed first of all at the next start, as ended "unknown", in
// one transaction with the emptied cursor.
//
// When the journal refuses, what is noted waits in memory up to the bound; beyond it is lost, counted, a condition of
// health, and a record of its own (tripod.gateway.lost) as soon as the journal works again. The end of an exchange whose
// beginning was taken always finds room. A count of losses does not survive a kill; the client's retry does: one whose
// first attempt has no record is marked and counted.
//
// Order: records of one exchange are in the order they were noted, those of different exchanges as they came.
//
// Re-delivery: clients send their whole conversation with each request. Prompts, tool results, tool calls, system prompts
// and tool definitions are remembered for ever by what they are and where they stand, so that each is recorded once,
// whatever is sent again after a restart; content grows with the conversation and not with its square.
//
// Concurrency: a [Recorder] is safe for concurrent use, and so is an [Exchange]. One goroutine, that of Run, writes.
package recorder
