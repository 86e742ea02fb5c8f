package detector_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/policy/detector"
)

func newSet(t testing.TB, cfg detector.Config) *detector.Set {
	t.Helper()
	s, err := detector.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// show lists findings as "family.kind:what was found".
func show(text string, found []detector.Finding) []string {
	var list []string
	for _, f := range found {
		list = append(list, f.Name()+":"+text[f.Start:f.End])
	}
	return list
}

func TestPersonal(t *testing.T) {
	s := newSet(t, detector.Config{})
	f := func(text string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, show(text, s.Scan(text))); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
	f("mail dana.miller@acme-corp.de, please", "personal.email:dana.miller@acme-corp.de")
	f("git@github.com:org/repo and logo@2x.png and dana@example.com and postgres://u:p@db.acme.com/x")
	f("pay with 4111 1111 1111 1111 now", "personal.card:4111 1111 1111 1111")
	f("card 4111-1111-1111-1112; order 4111111111111111; id_4111111111111111")
	f("IBAN DE89 3704 0044 0532 0130 00.", "personal.iban:DE89 3704 0044 0532 0130 00")
	f("GB82WEST12345698765432", "personal.iban:GB82WEST12345698765432")
	f("DE88 3704 0044 0532 0130 00")
}

func TestWordOfCredential(t *testing.T) {
	s := newSet(t, detector.Config{})
	key := "AK" + "IA" + strings.Repeat("QX7ZKM5W", 2)
	for _, text := range []string{key, "x=" + key, `{"a":"\n` + key + `"}`, "%3D" + key + "&", "\x1b[32m" + key + "\x1b[0m", "(" + key + ")"} {
		if got := show(text, s.Scan(text)); len(got) != 1 || got[0] != "credential.aws_access_key:"+key {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, text := range []string{key + "A", "A" + key, key + "_", strings.ToLower(key)} {
		if got := s.Scan(text); len(got) != 0 {
			t.Errorf("%q: %v", text, show(text, got))
		}
	}
}
