package credential_test

import (
	"testing"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/credential"
	"github.com/tripod-audit/tripod/internal/secret"
)

// TestAddressInSmallLetters: however the configuration writes the address that a token proves, records have it in small letters.
func TestAddressInSmallLetters(t *testing.T) {
	t.Parallel()
	g, err := credential.New(credential.Config{Section: "otlp", Tokens: []credential.Token{
		{Name: "laptop", Token: secret.New("made-up-token-of-a-laptop"), Proves: audit.Identity{Email: "Dana@Example.com", Device: "D-1"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	who, err := g.Find("made-up-token-of-a-laptop", nil)
	if err != nil || who.Proved.Email != "dana@example.com" || who.Proved.Device != "D-1" {
		t.Errorf("%+v, %v", who, err)
	}
}
