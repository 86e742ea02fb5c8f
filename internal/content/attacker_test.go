package content

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-audit/tripod/internal/keyring"
)

// target is a block an attacker is after: all there is to know about it but its plaintext.
type target struct {
	container string
	address   Address
	plaintext string // only to know whether the attacker succeeded
	size      int    // of the body, which spares the attacker some guessing
}

// attacker has the master key and all files of a data directory, and trusts no structure in their pages: every offset may
// start a wrapped key or a body, left over in a free page, in the unused part of a page or in a log.
type attacker struct {
	master  keyring.Wrapper
	pages   [][]byte // of all files, each once; what the tests store fits into one
	ids     map[string][]int64
	targets []target
}

func newAttacker(t testing.TB, dir string, targets []target) *attacker {
	t.Helper()
	x := &attacker{master: testKeyring(t), ids: make(map[string][]int64), targets: targets}
	seen := make(map[string]bool)
	for name, raw := range rawFiles(t, dir) {
		const page, walHeader, frameHeader = 4096, 32, 24
		header := 0
		if strings.HasSuffix(name, "-wal") && len(raw) > walHeader {
			raw, header = raw[walHeader:], frameHeader
		}
		for part := range slices.Chunk(raw, header+page) {
			if part = part[min(header, len(part)):]; !seen[string(part)] {
				seen[string(part)] = true
				x.pages = append(x.pages, part)
			}
		}
	}
	for _, target := range targets {
		if x.ids[target.container] == nil {
			x.ids[target.container] = rawKeyIDs(t, dir, target.container)
		}
	}
	return x
}

// windows calls try with every stretch of a size until it returns true. No stretch of these tests starts with zeros.
func (x *attacker) windows(size int, try func([]byte) bool) bool {
	for _, page := range x.pages {
		for o := 0; o+size <= len(page); o++ {
			if w := page[o : o+size]; w[0]|w[1]|w[2]|w[3] != 0 && try(w) {
				return true
			}
		}
	}
	return false
}

// recovers lists the plaintexts of the targets that the attacker gets.
func (x *attacker) recovers(t testing.TB) (got []string) {
	t.Helper()
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[string][]*containerKey)
	for container, ids := range x.ids {
		for _, id := range ids {
			x.windows(keyring.KeySize+keyring.Overhead, func(w []byte) bool {
				k, err := unwrapContainerKey(context.Background(), x.master, id, container, w)
				if err == nil {
					keys[container] = append(keys[container], k)
				}
				return err == nil
			})
		}
	}
	for _, target := range x.targets {
		d, err := parseAddress(target.address)
		if err != nil {
			t.Fatal(err)
		}
		const moved = 32 // a body that carries its opening is longer
		for _, size := range []int{target.size, target.size + moved} {
			if x.windows(size, func(w []byte) bool {
				return slices.ContainsFunc(keys[target.container], func(k *containerKey) bool {
					b, err := k.open(c, d.prefix(), w)
					return err == nil && string(b.plaintext) == target.plaintext
				})
			}) {
				got = append(got, target.plaintext)
				break
			}
		}
	}
	return got
}

// attack lists what is recovered of the targets from the files of a directory.
func attack(t testing.TB, dir string, targets []target) []string {
	t.Helper()
	return newAttacker(t, dir, targets).recovers(t)
}

// rawKeyIDs tells the attacker which ids a container's keys had.
func rawKeyIDs(t testing.TB, dir, container string) []int64 {
	t.Helper()
	r, err := OpenReader(context.Background(), copyDir(t, dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows, err := r.keysOf(context.Background(), container)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for _, row := range rows {
		ids = append(ids, row.id)
	}
	return ids
}
