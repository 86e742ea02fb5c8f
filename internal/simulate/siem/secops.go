package siem

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// mostSecOps is what an import may have, in bytes.
const mostSecOps = 4_000_000

// FakeAccount is who the service account is.
const FakeAccount = "tripod@fake-project.iam.gserviceaccount.com"

type account struct{ key *rsa.PrivateKey }

func newAccount() *account {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return &account{k}
}

// ServiceAccount is the key file of the service account, as the vendor's console gives it out; url is where the receiver is.
func (s *SIEM) ServiceAccount(url string) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(s.key().key)
	if err != nil {
		panic(err) // an RSA key has that form
	}
	b, _ := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "fake-project", "private_key_id": "fake-key-id", "client_email": FakeAccount,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": url + "/token",
	})
	return b
}

// secopsToken grants a token for a signed assertion (RFC 7523).
func (s *SIEM) secopsToken(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || !s.assertion(r.FormValue("assertion")) {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	s.tokens.give(w)
}

func (s *SIEM) assertion(jwt string) bool {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return false
	}
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&s.key().key.PublicKey, crypto.SHA256, sum[:], sig) != nil {
		return false
	}
	var claims struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(b, &claims) != nil {
		return false
	}
	life := time.Duration(claims.Exp-claims.Iat) * time.Second
	return claims.Iss == FakeAccount && claims.Scope != "" && strings.HasSuffix(claims.Aud, "/token") && life > 0 && life <= time.Hour &&
		time.Until(time.Unix(claims.Exp, 0)) > 0
}

func google(w http.ResponseWriter, status int) {
	answer(w, status, map[string]any{"error": map[string]any{"code": status, "message": http.StatusText(status)}})
}

func (s *SIEM) secopsImport(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("method") != "logs:import" {
		google(w, http.StatusNotFound)
		return
	}
	if !s.tokens.good(bearer(r)) {
		google(w, http.StatusUnauthorized)
		return
	}
	b, err := body(r)
	if err != nil {
		google(w, http.StatusBadRequest)
		return
	}
	if len(b) > mostSecOps {
		google(w, http.StatusRequestEntityTooLarge)
		return
	}
	var q struct {
		InlineSource struct {
			Logs []struct {
				Data                         []byte
				LogEntryTime, CollectionTime time.Time
				Labels                       map[string]struct{ Value string }
			}
		}
	}
	if json.Unmarshal(b, &q) != nil || len(q.InlineSource.Logs) == 0 {
		google(w, http.StatusBadRequest)
		return
	}
	var events []event
	for _, l := range q.InlineSource.Logs {
		if l.CollectionTime.Before(l.LogEntryTime) {
			google(w, http.StatusBadRequest)
			return
		}
		events = append(events, event{l.Labels[s.opts.IDField].Value, l.Data})
	}
	s.deliver(w, r, delivery{
		vendor: SecOps, events: events, refuse: func(status int) { google(w, status) },
		taken: func(f Fault, _ *mathrand.Rand) (int, any) {
			s.with(SecOps, func(h *held) {
				if f == Drop {
					h.counts.Dropped += len(events)
					return
				}
				h.put(events)
			})
			return http.StatusOK, struct{}{}
		},
	})
}
