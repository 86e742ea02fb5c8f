package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// script makes a trace of lines such as `openat "/d/a" O_CREAT = 5`; strings and descriptors become those of strace.
func script(t *testing.T, lines ...string) []Event {
	t.Helper()
	hex := func(s string) string {
		var b strings.Builder
		for i := range len(s) {
			fmt.Fprintf(&b, `\x%02x`, s[i])
		}
		return b.String()
	}
	var trace strings.Builder
	for _, l := range lines {
		call, ret, _ := strings.Cut(l, " = ")
		fields := strings.Fields(call)
		for i, f := range fields[1:] {
			if s, ok := strings.CutPrefix(f, `"`); ok {
				fields[i+1] = `"` + hex(strings.TrimSuffix(s, `"`)) + `"`
			}
		}
		args := strings.Join(fields[1:], ", ")
		switch {
		case strings.HasPrefix(ret, "..."):
			fmt.Fprintf(&trace, "%s %s(%s <unfinished ...>\n", strings.TrimPrefix(ret, "..."), fields[0], args)
		case fields[0] == "resume":
			fmt.Fprintf(&trace, "%s <... %s resumed>) = %s\n", fields[1], fields[2], ret)
		default:
			fmt.Fprintf(&trace, "1 %s(%s) = %s\n", fields[0], args, ret)
		}
	}
	calls, err := ParseTrace(strings.NewReader(trace.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, trace.String())
	}
	return Events(calls)
}

func replay(t *testing.T, events []Event) *Disk {
	t.Helper()
	d := New("/d")
	for _, e := range events {
		if err := d.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// image is what a power loss leaves, as "name=content …".
func image(t *testing.T, d *Disk, keep func() bool) string {
	t.Helper()
	to := t.TempDir()
	if err := d.Write(to, keep); err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	err := filepath.WalkDir(to, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == to {
			return err
		}
		name, _ := filepath.Rel(to, path)
		if e.IsDir() {
			found[name+"/"] = ""
			return nil
		}
		b, err := os.ReadFile(path)
		if len(b) > 100 {
			b = fmt.Appendf(nil, "%d bytes", len(b))
		}
		found[name] = strings.ReplaceAll(string(b), "\x00", "0")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(found)) {
		list = append(list, strings.TrimSuffix(name+"="+found[name], "/="))
	}
	return strings.Join(list, " ")
}

func TestOnlyWhatWasSyncedIsSafe(t *testing.T) {
	t.Parallel()
	f := func(what, nothing, everything string, lines ...string) {
		t.Helper()
		d := replay(t, script(t, lines...))
		if got := image(t, d, Nothing); got != nothing {
			t.Errorf("%s: nothing kept leaves %q, want %q", what, got, nothing)
		}
		if got := image(t, d, Everything); got != everything {
			t.Errorf("%s: everything kept leaves %q, want %q", what, got, everything)
		}
	}
	create := []string{`openat AT_FDCWD "/d/a" O_RDWR|O_CREAT 0600 = 5`, `openat AT_FDCWD "/d" O_RDONLY = 6`}
	with := func(lines ...string) []string { return append(slices.Clone(create), lines...) }
	f("a name without a sync", "", "a=", create...)
	f("a file synced, its name not", "", "a=xy", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`)...)
	f("a name synced, its file not", "a=", "a=xy", with(`write 5 "xy" 2 = 2`, `fsync 6 = 0`)...)
	f("both", "a=xy", "a=xy", with(`write 5 "xy" 2 = 2`, `fdatasync 5 = 0`, `fsync 6 = 0`)...)
	f("a write after the sync", "a=xy", "a=xyz", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`, `fsync 6 = 0`, `write 5 "z" 1 = 1`)...)
	f("a hole", "a=xy", "a=xy00z", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`, `fsync 6 = 0`, `pwrite64 5 "z" 1 4 = 1`)...)
	f("a short write", "a=x", "a=x", with(`write 5 "xy" 2 = 1`, `fsync 5 = 0`, `fsync 6 = 0`)...)
	f("a cut", "a=xy", "a=x", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`, `fsync 6 = 0`, `ftruncate 5 1 = 0`)...)
	f("opened anew and cut", "a=xy", "a=", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`, `fsync 6 = 0`, `openat AT_FDCWD "/d/a" O_RDWR|O_TRUNC = 7`)...)
	f("a descriptor's number used again", "a=xy b=", "a=xy b=z", with(`write 5 "xy" 2 = 2`, `fsync 5 = 0`, `close 5 = 0`,
		`openat AT_FDCWD "/d/b" O_RDWR|O_CREAT 0600 = 5`, `fsync 6 = 0`, `write 5 "z" 1 = 1`)...)
	f("a name removed", "a=", "", with(`fsync 6 = 0`, `unlink "/d/a" = 0`)...)
	f("a name removed and synced", "", "", with(`fsync 6 = 0`, `unlink "/d/a" = 0`, `fsync 6 = 0`)...)
	f("another file under the name", "a=old", "a=new", with(`write 5 "old" 3 = 3`, `fsync 5 = 0`, `fsync 6 = 0`,
		`openat AT_FDCWD "/d/n" O_RDWR|O_CREAT 0600 = 7`, `write 7 "new" 3 = 3`, `fsync 7 = 0`, `rename "/d/n" "/d/a" = 0`)...)
	f("a directory and what is in it", "", "s s/b=x", `mkdir "/d/s" 0700 = 0`, `openat AT_FDCWD "/d/s/b" O_RDWR|O_CREAT 0600 = 5`,
		`openat AT_FDCWD "/d/s" O_RDONLY = 6`, `write 5 "x" 1 = 1`, `fsync 5 = 0`, `fsync 6 = 0`)
	f("a link", "a=x b=x", "a=xy b=xy", with(`write 5 "x" 1 = 1`, `fsync 5 = 0`, `link "/d/a" "/d/b" = 0`, `fsync 6 = 0`, `write 5 "y" 1 = 1`)...)
	f("what failed", "a=", "a=", with(`fsync 6 = 0`, `write 5 "x" 1 = -1`, `unlink "/d/a" = -1`)...)
	f("a sync that began before the write ended", "a=", "a=x", with(`fsync 6 = 0`, `write 5 "x" 1 = ...2`, `fsync 5 = ...3`,
		`resume 2 write = 1`, `resume 3 fsync = 0`)...)
	f("a sync that has not ended", "a=", "a=x", with(`fsync 6 = 0`, `write 5 "x" 1 = 1`, `fsync 5 = ...3`)...)
	f("memory that is mapped", "", "", `openat AT_FDCWD "/d/a-shm" O_RDWR|O_CREAT 0600 = 5`, `write 5 "x" 1 = 1`)
}

func TestBlocksAreKeptOneByOne(t *testing.T) {
	t.Parallel()
	data := strings.Repeat("x", 3*Block)
	d := replay(t, script(t, `openat AT_FDCWD "/d/a" O_RDWR|O_CREAT 0600 = 5`, `openat AT_FDCWD "/d" O_RDONLY = 6`, `fsync 6 = 0`,
		`pwrite64 5 "`+data+`" 12288 100 = 12288`))
	seen := make(map[int]bool) // how many bytes were kept
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		to := t.TempDir()
		if err := d.Write(to, func() bool { return rng.IntN(2) == 0 }); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(to, "a"))
		if err != nil {
			t.Fatal(err)
		}
		seen[strings.Count(string(b), "x")] = true
	}
	// Four pieces: 3996, 4096, 4096 and 100 bytes, with 3996 + 100 = 4096.
	if len(seen) != 10 || !seen[0] || !seen[3*Block] || !seen[100] || !seen[Block] || !seen[2*Block+100] {
		t.Errorf("kept %v", slices.Sorted(maps.Keys(seen)))
	}
}

func TestSyncsCanBeIgnored(t *testing.T) {
	t.Parallel()
	d := New("/d")
	d.Ignore = func(path string) bool { return path == "/d/a" }
	for _, e := range script(t, `openat AT_FDCWD "/d/a" O_RDWR|O_CREAT 0600 = 5`, `write 5 "x" 1 = 1`, `fsync 5 = 0`, `openat AT_FDCWD "/d" O_RDONLY = 6`, `fsync 6 = 0`) {
		if err := d.Apply(e); err != nil {
			t.Fatal(err)
		}
	}
	if got := image(t, d, Nothing); got != "a=" {
		t.Errorf("left %q", got)
	}
	if b, ok := d.File("/d/a"); !ok || len(b) != 0 {
		t.Errorf("file = %q, %v", b, ok)
	}
}

func TestUnknownIsAnError(t *testing.T) {
	t.Parallel()
	for _, lines := range [][]string{
		{`openat AT_FDCWD "/d/a" O_RDWR|O_CREAT 0600 = 5`, `fallocate 5 0 0 10 = 0`},
		{`openat AT_FDCWD "/d/a" O_RDWR|O_CREAT 0600 = 5`, `writev 5 [{}] 1 = 1`},
		{`openat AT_FDCWD "/d/a" O_RDWR = 5`},
		{`rename "/d/a" "/e/a" = 0`},
		{`pwrite64 5</d/a> "x" 1 0 = 1`},
		{`open "a" O_RDWR|O_CREAT 0600 = 5`},
	} {
		d, failed := New("/d"), false
		for _, e := range script(t, lines...) {
			failed = failed || d.Apply(e) != nil
		}
		if !failed {
			t.Errorf("no error for %v", lines)
		}
	}
}
