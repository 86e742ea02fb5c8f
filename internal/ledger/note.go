package ledger

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Statements are signed notes (https://c2sp.org/signed-note) that are no checkpoints: their first line begins with this, and
// that of a checkpoint is the ledger's origin, which never does.
const statementPrefix = "tripod-"

// Sign signs a statement with the key of a data directory's ledger. The text ends with a line break and begins with a line
// that says what it is, "tripod-" first.
func Sign(dir, text string) ([]byte, error) {
	if !strings.HasPrefix(text, statementPrefix) {
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

// OpenStatement returns the text of a statement that the verifier key signed.
func OpenStatement(msg []byte, key string) (string, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return "", fmt.Errorf("read verifier key: %w: want the line of ledger.pub", err)
	}
	n, err := note.Open(msg, note.VerifierList(v))
	if err != nil {
		return "", fmt.Errorf("open a statement: %w", err)
	}
	if !strings.HasPrefix(n.Text, statementPrefix) {
		return "", errors.New("open a statement: it is something else that was signed")
	}
	return n.Text, nil
}
