// Package secret holds strings that never print: not in logs, errors, JSON, YAML or the %v of a struct around them.
// Values are immutable and safe for concurrent use. It imports the standard library only.
package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// Redacted is what stands wherever a secret would have been printed.
const Redacted = "[secret]"

// String is a secret. The zero value is empty. It sits behind a pointer because fmt calls no methods on unexported fields
// of a struct it prints, but does not follow pointers inside one either.
type String struct{ value *string }

// New wraps a secret.
func New(value string) String { return String{&value} }

// Reveal returns the secret itself. Call it only where it is handed to what needs it.
func (s String) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s String) IsZero() bool { return s.Reveal() == "" }

// Equal compares in constant time for secrets of one length.
func (s String) Equal(other string) bool {
	return subtle.ConstantTimeCompare([]byte(s.Reveal()), []byte(other)) == 1
}

// Format implements fmt.Formatter, so that no verb prints the secret.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText implements encoding.TextMarshaler, so that no encoder writes the secret.
func (s String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// ReadFile reads a secret from a file that only its owner may read, without surrounding white space.
func ReadFile(path string) (String, error) {
	info, err := os.Stat(path)
	if err != nil {
		return String{}, fmt.Errorf("read secret: %w", err)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return String{}, fmt.Errorf("read secret %s: mode is %04o, others can read it: run chmod 600 %s", path, perm, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return String{}, fmt.Errorf("read secret: %w", err)
	}
	v := strings.TrimSpace(string(b))
	if v == "" {
		return String{}, fmt.Errorf("read secret %s: the file is empty", path)
	}
	return New(v), nil
}
