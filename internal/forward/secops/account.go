package secops

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/tripod-audit/tripod/internal/forward"
	"github.com/tripod-audit/tripod/internal/secret"
)

// account is a service account's key file (https://developers.google.com/identity/protocols/oauth2/service-account).
type account struct {
	email    string
	keyID    string
	tokenURI string
	key      *rsa.PrivateKey
}

// account reads the key file. Errors show nothing of it.
func (s *sink) account(ctx context.Context) (*account, error) {
	v, err := s.c.Credentials.Read(ctx)
	if err != nil {
		return nil, err
	}
	return parseAccount([]byte(v.Reveal()))
}

func parseAccount(data []byte) (*account, error) {
	var f struct {
		Type         string `json:"type"`
		ClientEmail  string `json:"client_email"`
		PrivateKeyID string `json:"private_key_id"`
		PrivateKey   string `json:"private_key"`
		TokenURI     string `json:"token_uri"`
	}
	if json.Unmarshal(data, &f) != nil || f.Type != "service_account" || f.ClientEmail == "" {
		return nil, errors.New("it is not the JSON key file of a service account")
	}
	if f.TokenURI == "" {
		f.TokenURI = "https://oauth2.googleapis.com/token"
	}
	if err := forward.URLProblem(f.TokenURI); err != nil {
		return nil, fmt.Errorf("the token_uri of the key file %w", err)
	}
	block, _ := pem.Decode([]byte(f.PrivateKey))
	if block == nil {
		return nil, errors.New("the private_key of the key file is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the private_key of the key file is not in PKCS #8")
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("the private_key of the key file is not for RSA")
	}
	return &account{f.ClientEmail, f.PrivateKeyID, f.TokenURI, rsaKey}, nil
}

// scope is what the method asks for; what the account may do is told by its role.
const scope = "https://www.googleapis.com/auth/cloud-platform"

// assert exchanges a signed assertion for an access token (RFC 7523). The key file is read each time.
func (s *sink) assert(ctx context.Context) (secret.String, time.Duration, error) {
	a, err := s.account(ctx)
	if err != nil {
		return secret.String{}, 0, &forward.AuthError{Err: fmt.Errorf("credentials: %w", err)}
	}
	jwt, err := a.sign(time.Now())
	if err != nil {
		return secret.String{}, 0, err
	}
	return s.poster.Token(ctx, a.tokenURI, url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jwt}})
}

// sign is a JSON Web Token (RFC 7519) of one hour, signed with RS256.
func (a *account) sign(now time.Time) (string, error) {
	head, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": a.keyID})
	if err != nil {
		return "", fmt.Errorf("write an assertion: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": a.email, "scope": scope, "aud": a.tokenURI, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("write an assertion: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(rand.Reader, a.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign an assertion: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig), nil
}
