package normalise_test

import "testing"

// BenchmarkActivity makes a draft of a row as the feed mostly has them.
func BenchmarkActivity(b *testing.B) {
	n := normaliser(b)
	raw := []byte(row("claude_chat_viewed", `,"claude_chat_id":"claude_chat_01VbTzJ8wuzWPJ9H2VbTzJ","claude_project_id":null`))
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		n.Activity(raw, origin)
	}
}
