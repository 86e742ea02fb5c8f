// Package webhook posts what is forwarded to an address, signed as Standard Webhooks has it
// (https://www.standardwebhooks.com), with headers webhook-id, webhook-timestamp and webhook-signature.
//
// Durability: a 2xx answer is taken for an acknowledgement; what the receiver did before it answered is its own to say. A resend
// has the same items in lines of the same bytes. Its webhook-id is the same only while the batch is: receivers de-duplicate by
// the ids in the body's envelope. Order: batches are under way at once, so none is promised.
//
// Concurrency: a Sink is safe for concurrent use.
package webhook
