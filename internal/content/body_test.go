package content

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func testCodec(t testing.TB) *codec {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPackCompressesOnlyWhereItHelps(t *testing.T) {
	t.Parallel()
	c := testCodec(t)
	f := func(name string, plaintext []byte, wantForm byte) {
		t.Helper()
		for _, opening := range [][]byte{nil, bytes.Repeat([]byte{1}, 32)} {
			packed := c.pack([]byte("salt"), opening, plaintext)[4:]
			if packed[0]&formZstd != wantForm || len(packed) > 1+len(opening)+len(plaintext) {
				t.Errorf("%s: form %d, %d bytes from %d", name, packed[0], len(packed), len(plaintext))
			}
			gotOpening, got, err := c.unpack(packed)
			if err != nil || !bytes.Equal(got, plaintext) || !bytes.Equal(gotOpening, opening) {
				t.Errorf("%s: unpacked %.20q, %x, %v", name, got, gotOpening, err)
			}
		}
	}
	f("empty", nil, 0)
	f("short", []byte("yes"), 0)
	f("prose", []byte(strings.Repeat("look at the test and tell me why it fails ", 10)), formZstd)
	f("noise", noise(1000), 0)
}

// One address encrypted twice must not repeat a nonce: the salt is random.
func TestSaltsDiffer(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	seen := make(map[string]bool)
	for range 50 {
		_, entries, err := s.seal(t.Context(), []Block{{"c", []byte("one text")}, {"c", []byte("another")}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			n := nonce(e.prefix, e.body)
			if seen[string(n[:])] {
				t.Fatalf("nonce %x came twice", n)
			}
			seen[string(n[:])] = true
		}
	}
}

// Whatever a body unpacks to, it never panics, errors are errBody, and what can be packed comes back.
func FuzzUnpack(f *testing.F) {
	c := testCodec(f)
	for _, plaintext := range []string{"", "yes", strings.Repeat("prose ", 100)} {
		f.Add(c.pack(nil, nil, []byte(plaintext)))
		f.Add(c.pack(nil, make([]byte, 32), []byte(plaintext)))
	}
	f.Add([]byte{4, 1, 2})
	f.Add([]byte{formZstd, 0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, packed []byte) {
		opening, plaintext, err := c.unpack(packed)
		if err != nil {
			if !errors.Is(err, errBody) {
				t.Fatalf("error %v, want errBody", err)
			}
			return
		}
		if len(plaintext) > hardMaxBlock {
			t.Fatalf("unpacked to %d bytes", len(plaintext))
		}
		again, back, err := c.unpack(c.pack(nil, opening, plaintext))
		if err != nil || !bytes.Equal(back, plaintext) || !bytes.Equal(again, opening) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

// A stored body of any bytes never opens, short of the one that was stored.
func FuzzOpenBody(f *testing.F) {
	c := testCodec(f)
	k, err := newContainerKey(f.Context(), testKeyring(f), 1, "c")
	if err != nil {
		f.Fatal(err)
	}
	d := newNamer(k.mac).name([]byte("text"))
	good := seal(k.aead, d.prefix(), c.pack([]byte("salt"), nil, []byte("text")))
	f.Add(good)
	f.Add(good[:20])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		b, err := k.open(c, d.prefix(), body)
		if bytes.Equal(body, good) != (err == nil) {
			t.Fatalf("opened to %q, %v", b.plaintext, err)
		}
	})
}
