package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/tripod-audit/tripod/internal/secret"
)

// minPassphrase is how many bytes a passphrase has at least. It has to stand against whoever finds the paper.
const minPassphrase = 16

// SealMaster seals a master key to a passphrase, as text to be printed and put into a safe. Plain age opens it as well.
func SealMaster(master, passphrase secret.String) ([]byte, error) {
	if len(passphrase.Reveal()) < minPassphrase {
		return nil, fmt.Errorf("seal the master key: a passphrase of at least %d characters, such as six random words", minPassphrase)
	}
	to, err := age.NewScryptRecipient(passphrase.Reveal())
	if err != nil {
		return nil, fmt.Errorf("seal the master key: %w", err)
	}
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, to)
	if err != nil {
		return nil, fmt.Errorf("seal the master key: %w", err)
	}
	_, err = io.WriteString(w, strings.TrimSpace(master.Reveal())+"\n")
	if err := errors.Join(err, w.Close(), text.Close()); err != nil {
		return nil, fmt.Errorf("seal the master key: %w", err)
	}
	return b.Bytes(), nil
}

// IsSealedMaster reports whether a file looks like one of SealMaster.
func IsSealedMaster(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte(armor.Header)) }

// OpenMaster opens what SealMaster sealed.
func OpenMaster(sealed []byte, passphrase secret.String) (secret.String, error) {
	id, err := age.NewScryptIdentity(passphrase.Reveal())
	if err != nil {
		return secret.String{}, fmt.Errorf("open the sealed master key: %w", err)
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), id)
	if err != nil {
		return secret.String{}, errors.New("open the sealed master key: it is another passphrase, or the file was altered")
	}
	text, err := io.ReadAll(io.LimitReader(r, 4096))
	if err != nil {
		return secret.String{}, errors.New("open the sealed master key: the file was altered")
	}
	return secret.New(strings.TrimSpace(string(text))), nil
}
