package corpus

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// alphabets are what templates draw characters from.
var alphabets = map[string]string{
	"digit":    "0123456789",
	"digit19":  "0123456789",
	"hex":      "0123456789abcdef",
	"HEX":      "0123456789ABCDEF",
	"lower":    "abcdefghijklmnopqrstuvwxyz",
	"upper":    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"letter":   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
	"lowernum": "abcdefghijklmnopqrstuvwxyz0123456789",
	"uppernum": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
	"alnum":    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	"b32":      "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
	"b64":      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	"b64url":   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
	"bech32":   "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L",
}

// Fill replaces each <alphabet:length> and <name> in a template by characters drawn with r: "AKIA<b32:16>". It returns an
// error for a template it does not understand. So no file holds anything that looks like a leaked credential.
func Fill(template string, r *rand.Rand) (string, error) {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "<")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, after, ok := strings.Cut(rest, ">")
		if !ok {
			return "", fmt.Errorf("template: no end after %q", name)
		}
		text, err := draw(name, r)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
		template = after
	}
}

func draw(name string, r *rand.Rand) (string, error) {
	set, length, _ := strings.Cut(name, ":")
	if alphabet := alphabets[set]; alphabet != "" {
		n, err := strconv.Atoi(length)
		if err != nil || n < 1 || n > 4096 {
			return "", fmt.Errorf("template <%s>: a length of 1 to 4096 is wanted", name)
		}
		return random(set, alphabet, n, r), nil
	}
	switch name {
	case "lt":
		return "<", nil
	case "gt":
		return ">", nil
	case "uuid":
		return UUID(r), nil
	case "password":
		return Password(r), nil
	case "basic":
		return base64.StdEncoding.EncodeToString([]byte("deploy:" + Password(r))), nil
	case "jwt":
		return JWT(r), nil
	}
	return "", fmt.Errorf("template <%s>: no such alphabet", name)
}

// random draws characters; text of letters and digits has both cases and digits, and does not begin with 0 for digit19. A
// value that ends in a sign could be cut where prose ends, so the last character is a letter or digit.
func random(set, alphabet string, n int, r *rand.Rand) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	if set == "digit19" && b[0] == '0' {
		b[0] = '1' + byte(r.IntN(9))
	}
	if last := b[n-1]; last == '-' || last == '_' || last == '+' || last == '/' {
		b[n-1] = alphabet[r.IntN(26)]
	}
	if (set == "alnum" || strings.HasPrefix(set, "b64")) && n >= 8 {
		at := r.IntN(n - 3)
		b[at], b[at+1], b[at+2] = alphabet[r.IntN(26)], alphabet[26+r.IntN(26)], alphabet[52+r.IntN(10)]
	}
	return string(b)
}

// UUID is a random one.
func UUID(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, 0x8000|r.Uint32()&0x3fff, r.Uint64()&0xffffffffffff)
}

// Password is one as people choose them: syllables, digits, signs.
func Password(r *rand.Rand) string {
	syllables := []string{"ka", "To", "rin", "mel", "Vas", "du", "pe", "Lor", "ni", "gra", "Sol", "fen", "mo", "Tik", "ber"}
	var b strings.Builder
	for range 2 + r.IntN(2) {
		b.WriteString(syllables[r.IntN(len(syllables))])
		if r.IntN(2) == 0 {
			b.WriteByte("0345789"[r.IntN(7)])
		}
	}
	b.WriteByte("!#%*+?_"[r.IntN(7)])
	fmt.Fprintf(&b, "%02d", 13+r.IntN(80))
	b.WriteString(syllables[r.IntN(len(syllables))])
	return b.String()
}

// JWT is a token with a header and claims of the usual form, and a signature of random bytes.
func JWT(r *rand.Rand) string {
	enc := base64.RawURLEncoding.EncodeToString
	alg := []string{"HS256", "RS256", "ES256"}[r.IntN(3)]
	claims := fmt.Sprintf(`{"sub":"%d","iss":"https://id.acme-corp.io","iat":%d,"scope":"read write"}`, r.Uint32(), 1760000000+r.IntN(30000000))
	return enc([]byte(`{"alg":"`+alg+`","typ":"JWT"}`)) + "." + enc([]byte(claims)) + "." + random("b64url", alphabets["b64url"], 43, r)
}
