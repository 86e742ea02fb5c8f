package ledger

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/tripod-audit/tripod/internal/ledger/tiles"
)

// Sign signs a statement with the key of a data directory's ledger. The text ends with a line break and begins with a line
// that says what it is, "tripod-" first.
func Sign(dir, text string) ([]byte, error) {
	if !strings.HasPrefix(text, tiles.StatementPrefix) {
		return nil, errors.New("sign a statement: it does not say what it is")
	}
	k, err := readKey(dir)
	if err != nil {
		return nil, err
	}
	msg, err := note.Sign(&note.Note{Text: text}, k.signer)
	if err != nil {
		return nil, fmt.Errorf("sign a statement: %w", err)
	}
	return msg, nil
}
