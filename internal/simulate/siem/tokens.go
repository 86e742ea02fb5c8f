package siem

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

// tokens are the access tokens that were given out, whoever for.
type tokens struct {
	life time.Duration

	mu     sync.Mutex
	until  map[string]time.Time
	issued int
}

// give answers a request for one.
func (t *tokens) give(w http.ResponseWriter) {
	t.mu.Lock()
	token := "fake-access-" + rand.Text()
	if t.until == nil {
		t.until = map[string]time.Time{}
	}
	t.until[token] = time.Now().Add(t.life)
	t.issued++
	t.mu.Unlock()
	answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": int(t.life / time.Second)})
}

func (t *tokens) good(token string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Before(t.until[token])
}

func (t *tokens) revoke() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.until)
}

// Tokens is how many access tokens were given out.
func (s *SIEM) Tokens() int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.issued
}
