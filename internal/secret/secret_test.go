package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/secret"
)

func TestNeverPrints(t *testing.T) {
	const canary = "canary-5e1f"
	s := secret.New(canary)
	around := struct {
		Token  secret.String
		hidden secret.String
	}{s, s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "token", s, "config", around)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "token", s, "config", around)
	js, err := json.Marshal(around)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{
		fmt.Sprint(s), fmt.Sprintf("%q %x %d %#v %+v", s, s, s, s, around), fmt.Errorf("x: %v", around).Error(), log.String(), string(js),
	} {
		if strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret is in %s", out)
		}
	}
	if s.Reveal() != canary || !s.Equal(canary) || s.Equal("other") {
		t.Error("the secret itself is wrong")
	}
}

func TestReadFile(t *testing.T) {
	f := func(mode os.FileMode, body, want, wantErr string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(body), mode); err != nil {
			t.Fatal(err)
		}
		got, err := secret.ReadFile(path)
		if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Errorf("ReadFile(%04o %q): error %v, want %q", mode, body, err, wantErr)
		}
		if got.Reveal() != want {
			t.Errorf("ReadFile(%04o %q) = %q, want %q", mode, body, got.Reveal(), want)
		}
	}
	f(0o600, " key \n", "key", "")
	f(0o400, "key", "key", "")
	f(0o644, "key", "", "chmod 600")
	f(0o600, "\n", "", "empty")
}
