package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// handOverDir is where hand-overs from one signing key to the next are kept, each a file, in order.
const handOverDir = "ledger/handover"

// HandOvers reads the hand-overs of a data directory, oldest first; see HandOver.
func HandOvers(dir string) ([]string, error) {
	path := filepath.Join(dir, filepath.FromSlash(handOverDir))
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read hand-overs of the ledger's key: %w", err)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		if a.Name() < b.Name() {
			return -1
		}
		return 1
	})
	var list []string
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".note" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(path, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read hand-overs of the ledger's key: %w", err)
		}
		list = append(list, string(b))
	}
	return list, nil
}

// handOverFile is the place of the nth hand-over, from 0 on.
func handOverFile(n int) string { return fmt.Sprintf("%s/%06d.note", handOverDir, n+1) }

const handOverHead = "tripod-handover/v1"

// HandOver is what a signing key says of its successor: from the checkpoint of this size and root on, Next signs.
type HandOver struct {
	Origin string
	Key    string // verifier key of the one that hands over
	Next   string
	Tree   tlog.Tree
}

func (h HandOver) text() string {
	return fmt.Sprintf("%s\n%s\n%s\n%s\n%d\n%s\n", handOverHead, h.Origin, h.Key, h.Next, h.Tree.N, h.Tree.Hash)
}

// ParseHandOver reads a hand-over, which both keys must have signed: the old one to name its successor, the new one to show
// that somebody holds it.
func ParseHandOver(note []byte) (HandOver, error) {
	var h HandOver
	lines := strings.SplitN(string(note), "\n", 7)
	if len(lines) < 7 || lines[0] != handOverHead {
		return h, errors.New("read hand-over: it is none")
	}
	h.Origin, h.Key, h.Next = lines[1], lines[2], lines[3]
	for _, key := range []string{h.Key, h.Next} {
		if text, err := OpenStatement(note, key); err != nil || !strings.HasPrefix(text, handOverHead+"\n") {
			return h, fmt.Errorf("read hand-over: the key %s did not sign it", keyName(key))
		}
		if name, _, _ := strings.Cut(key, "+"); name != h.Origin {
			return h, fmt.Errorf("read hand-over: the key %s is not of the ledger %s", keyName(key), h.Origin)
		}
	}
	size, err := strconv.ParseInt(lines[4], 10, 48)
	if err != nil || size < 0 {
		return h, errors.New("read hand-over: it names no size")
	}
	h.Tree.N = size
	if h.Tree.Hash, err = tlog.ParseHash(lines[5]); err != nil {
		return h, errors.New("read hand-over: it names no root")
	}
	if h.text() != strings.Join(lines[:6], "\n")+"\n" {
		return h, errors.New("read hand-over: it is none")
	}
	return h, nil
}

// Follow follows hand-overs from a verifier key: it returns that key and its successors, in order, with the hand-over that
// leads to each next one. What does not continue the chain is passed over.
func Follow(key string, handOvers []string) (keys []string, links []HandOver) {
	keys = []string{key}
	for _, note := range handOvers {
		h, err := ParseHandOver([]byte(note))
		if err != nil || h.Key != keys[len(keys)-1] {
			continue
		}
		keys, links = append(keys, h.Next), append(links, h)
	}
	return keys, links
}
