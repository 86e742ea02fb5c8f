package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// TestBody: a body that is read while it is stored becomes a record where it came whole, and nothing where it broke off,
// by whatever error: net/http tells a cut body by io.ErrUnexpectedEOF.
func TestBody(t *testing.T) {
	s := open(t, capture.Config{Rules: []capture.Rule{{Keep: audit.ClassText}}})
	whole := bytes.Repeat([]byte("0123456789abcdef"), 3<<16) // three parts to the byte
	deliver := func(form string, from io.Reader) (intake.Receipt, error) {
		d := draft(form)
		d.Body = &intake.Body{Name: "content", Class: audit.ClassText, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(from), nil }}
		return s.door.Submit(t.Context(), intake.Delivery{Credential: "laptops", Drafts: []intake.Draft{d}})
	}
	for _, size := range []int{0, 1, 1 << 20, 1<<20 + 1, len(whole)} {
		for _, broken := range []error{io.ErrUnexpectedEOF, fmt.Errorf("download: %w", io.ErrUnexpectedEOF), fmt.Errorf("download: %w", io.EOF), errors.New("reset")} {
			_, err := deliver("broken", io.MultiReader(bytes.NewReader(whole[:size]), iotest.ErrReader(broken)))
			var body *intake.BodyError
			if !errors.As(err, &body) {
				t.Errorf("broken off after %d bytes by %v: %v", size, broken, err)
			}
		}
		receipt, err := deliver(fmt.Sprint(size), bytes.NewReader(whole[:size]))
		if err != nil {
			t.Fatal(err)
		}
		bytes := 0
		for _, c := range s.record(t, receipt.Seqs[0]).Content {
			bytes += c.Bytes
		}
		if bytes != size {
			t.Errorf("%d bytes: %d are held", size, bytes)
		}
	}
}
