package llmgateway

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestBodyEndsWithItsLength: an upstream may answer the moment it has the last byte, and the server then closes the request's
// body. Whoever looks for its end must not find that.
func TestBodyEndsWithItsLength(t *testing.T) {
	t.Parallel()
	closed := errors.New("read on a closed body")
	for _, kept := range []int64{1 << 20, 10} {
		var all budget
		all.give(1 << 20)
		want := bytes.Repeat([]byte("x"), 70_000)
		b := newBody(io.MultiReader(bytes.NewReader(want), iotest.ErrReader(closed)), int64(len(want)), kept, &all)
		a, err := b.open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(a)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes of %d, %v", len(got), len(want), err)
		}
		<-b.whole
	}
}
