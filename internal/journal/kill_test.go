package journal

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const killChild = "TRIPOD_JOURNAL_KILL_CHILD"

// A process that appends and erases is killed in the middle of it: what it was told is durable is there, once; what it
// delivers again is recognised; and the rest is a whole prefix.
func TestKill(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(killChild); dir != "" {
		appendUntilKilled(t, dir)
		return
	}
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	acknowledged := map[string]uint64{}
	for round := range 4 {
		runAndKill(t, dir, 300+200*round, acknowledged)
		checkAfterKill(t, dir, acknowledged)
	}
}

// appendUntilKilled prints each acknowledged record and its position.
func appendUntilKilled(t *testing.T, dir string) {
	j, _ := start(t, dir, Options{})
	last, err := j.Reader().Last(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out sync.Mutex
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			for n := 1 + int(last)*10 + w*1_000_000; ; n += 20 {
				list := entries(n, 1+n%20)
				receipt, err := j.Append(context.Background(), Batch{Entries: list})
				if err != nil {
					return
				}
				out.Lock()
				for i, seq := range receipt.Seqs {
					fmt.Println("ACK", list[i].Record.ID, seq)
				}
				out.Unlock()
				if err := j.Erase(context.Background(), receipt.Seqs[:len(receipt.Seqs)/5]...); err != nil {
					return
				}
			}
		})
	}
	wait.Wait()
}

func runAndKill(t *testing.T, dir string, after int, acknowledged map[string]uint64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKill$", "-test.v")
	cmd.Env = append(os.Environ(), killChild+"="+dir)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		word := strings.Fields(lines.Text())
		if len(word) != 3 || word[0] != "ACK" {
			continue
		}
		seq, err := strconv.ParseUint(word[2], 10, 64)
		if err != nil {
			break // cut by the kill
		}
		if before, ok := acknowledged[word[1]]; ok && before != seq {
			t.Errorf("record %s was acknowledged at %d and at %d", word[1], before, seq)
		}
		acknowledged[word[1]] = seq
		if n++; n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || n < after {
		t.Fatalf("the child ended by itself after %d records", n)
	}
}

func checkAfterKill(t *testing.T, dir string, acknowledged map[string]uint64) {
	t.Helper()
	j, stop := start(t, dir, Options{})
	defer stop()
	at := map[string]uint64{}
	erased := map[uint64]bool{}
	for i, what := range contents(t, j.Reader()) {
		seq := uint64(i + 1)
		if what == "erased" {
			erased[seq] = true
		} else if at[what] != 0 {
			t.Errorf("record %s stands at %d and at %d", what, at[what], seq)
		} else {
			at[what] = seq
		}
	}
	for id, seq := range acknowledged {
		if at[id] != seq && !erased[seq] {
			t.Errorf("record %s was acknowledged at %d and is not there", id, seq)
		}
		n, err := strconv.Atoi(id)
		if err != nil {
			t.Fatal(err)
		}
		if len(id)%3 == 0 {
			if got := mustAppend(t, j, entry(n)); got.Seqs[0] != seq {
				t.Errorf("record %s delivered again: %+v, want %d", id, got, seq)
			}
		}
	}
}
