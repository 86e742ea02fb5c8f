package messages

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Malformed says that bytes are not what a verdict may rest on. It names no content.
type Malformed struct {
	Offset int64  // at or behind which it went wrong
	Reason string // "a name stands twice in one object" …
}

func (e *Malformed) Error() string {
	return fmt.Sprintf("malformed at byte %d: %s", e.Offset, e.Reason)
}

// Bounds beyond which a body is refused; real ones stay far below.
const (
	maxDepth  = 128
	maxBlocks = 50_000
	maxTexts  = 250_000
)

const (
	reasonDuplicate = "a name stands twice in one object"
	reasonUTF8      = "text that is no UTF-8"
	reasonEarly     = "it ends early"
	reasonTrailing  = "bytes behind the end"
	reasonDepth     = "nested too deeply"
	reasonCount     = "too many blocks or strings"
	reasonSyntax    = "no valid JSON"
	reasonObject    = "no JSON object"
)

// malformed puts an error of the decoder into our words: its own quote names and characters of the body.
func malformed(base int, body []byte, err error) *Malformed {
	out := &Malformed{Offset: int64(base), Reason: reasonSyntax}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		out.Offset += syntax.ByteOffset
	}
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		out.Reason = reasonDuplicate
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		out.Reason = reasonEarly
	case !utf8.Valid(body):
		out.Reason = reasonUTF8
	}
	return out
}
