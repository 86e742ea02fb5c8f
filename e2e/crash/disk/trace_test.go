package disk

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseTrace(t *testing.T) {
	t.Parallel()
	const d = `\x2f\x64` // /d
	text := strings.Join([]string{
		`10 mkdirat(AT_FDCWD<` + d + `>, "\x61", 0700) = 0`,
		`10 openat(AT_FDCWD<` + d + `>, "\x61\x2f\x62", O_RDWR|O_CREAT|O_CLOEXEC, 0600 <unfinished ...>`,
		`11  write(7<TCP:[127.0.0.1:4318->127.0.0.1:5555]>, "\x48\x54", 2) = 2`,
		`10 <... openat resumed>) = 5<` + d + `\x2f\x61\x2f\x62>`,
		`10 pwrite64(5<` + d + `\x2f\x61\x2f\x62>, "", 0, 8192) = 0`,
		`11 --- SIGURG {si_signo=SIGURG, si_code=SI_TKILL, si_pid=1, si_uid=0} ---`,
		`11 unlinkat(AT_FDCWD<` + d + `>, "\x2f\x78", AT_REMOVEDIR) = -1 ENOENT (No such file or directory)`,
		`11 sendmsg(9<UNIX-STREAM:[1->2]>, {msg_name=NULL, msg_iov=[{iov_base="\x61", iov_len=1}], msg_iovlen=1}, 0) = 1`,
		`10 fsync(5<` + d + `\x2f\x61\x2f\x62> <unfinished ...>`,
		`11 write(8<anon_inode:[eventfd]>, "\x01", 1) = 1`,
		`11 fsync(6<` + d + `\x2f\x63> <unfinished ...>`,
		`10 <... fsync resumed>) = 0`,
		`11 <... fsync resumed>) = ?`,
		`11 open("` + d + `", O_RDONLY) = 11<` + d + `<char 1:9>>`,
		`11 close(11<` + d + `>(deleted)) = 0`,
		`11 write(7<TCP:[a->b]>, "\x48", 1 <unfinished ...>`,
		`10 +++ killed by SIGKILL +++`,
	}, "\n")
	calls, err := ParseTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, c := range calls {
		fmt.Fprintf(&got, "%d-%d %s", c.Enter, c.Leave, c.Name)
		for _, a := range c.Args {
			if a.String {
				fmt.Fprintf(&got, " %q", a.Data)
			} else {
				fmt.Fprintf(&got, " %s<%s>", a.Text, a.Path)
			}
		}
		fmt.Fprintf(&got, " = %s<%s> %v\n", c.Ret.Text, c.Ret.Path, c.Failed || c.Unfinished)
	}
	const want = `1-1 mkdirat AT_FDCWD</d> "a" 0700<> = 0<> false
3-3 write 7<TCP:[127.0.0.1:4318->127.0.0.1:5555]> "HT" 2<> = 2<> false
2-4 openat AT_FDCWD</d> "a/b" O_RDWR|O_CREAT|O_CLOEXEC<> 0600<> = 5</d/a/b> false
5-5 pwrite64 5</d/a/b> "" 0<> 8192<> = 0<> false
7-7 unlinkat AT_FDCWD</d> "/x" AT_REMOVEDIR<> = -1<> true
8-8 sendmsg 9<UNIX-STREAM:[1->2]> {msg_name=NULL, msg_iov=[{iov_base="\x61", iov_len=1}], msg_iovlen=1}<> 0<> = 1<> false
10-10 write 8<anon_inode:[eventfd]> "\x01" 1<> = 1<> false
9-12 fsync 5</d/a/b> = 0<> false
11-0 fsync 6</d/c> = <> true
14-14 open "/d" O_RDONLY<> = 11</d> false
15-15 close 11</d> = 0<> false
16-0 write 7<TCP:[a->b]> "H" 1<> = <> true
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
	if at, path := calls[2].Args[0], calls[2].Args[1]; path.File(at) != "/d/a/b" {
		t.Errorf("file = %s", path.File(at))
	}
	for _, bad := range []string{`10 write(5, "\x61"..., 9) = 9`, `10 <... write resumed>) = 1`, `10 write(5, "\x6`, `10 write(5<`, `10 write(1) `, "x"} {
		if _, err := ParseTrace(strings.NewReader(bad)); err == nil {
			t.Errorf("no error for %s", bad)
		}
	}
}

func FuzzParseTrace(f *testing.F) {
	f.Add(`10 openat(AT_FDCWD<\x2f>, "\x61", O_RDWR <unfinished ...>` + "\n" + `10 <... openat resumed>) = 5<\x2f\x61>`)
	f.Add(`1 write(7<TCP:[a->b]>, [{iov_base="\x61"}], 1) = -1 EAGAIN (x)`)
	f.Fuzz(func(t *testing.T, text string) {
		calls, err := ParseTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, c := range calls {
			if !c.Unfinished && c.Enter > c.Leave || c.Enter < 1 {
				t.Errorf("a call from %d to %d", c.Enter, c.Leave)
			}
		}
	})
}
