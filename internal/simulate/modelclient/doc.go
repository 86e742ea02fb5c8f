// Package modelclient is the model traffic of the simulated enterprise: it makes of what its world's accounts do with a
// client the requests that the client sends to the Messages API, and of what the world's model says the answers. Requests go
// wherever the configuration says, such as through a gateway; a simulated Messages API behind it answers by Model.
//
// Bodies grow with the conversation, byte for byte the same but for the cache_control mark that moves on, with the headers,
// identities and shapes of each client's version, as captures of the real client show them
// (https://code.claude.com/docs/en/llm-gateway-protocol). System prompts and definitions of tools are shorter than the
// client's own. Retries are sent as often as the world says.
//
// It promises: the same world and the same stretch of time give the same requests to the byte, in the same order. History
// sends one at a time and moves the clock from each one's beginning to its first byte and its end, so that who reads that
// clock sees the past as it was; what is played live is sent when it happens. Nothing is durable. A Client and a Model are
// safe for concurrent use.
package modelclient
