package backup

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tripod-audit/tripod/internal/journal"
)

// TestListNowhere: an erasure is listed in a repository that is there, never in the mount point of one that is not.
func TestListNowhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mount", "repo")
	s, err := NewService(Config{Repository: dir}, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.listOnce(t.Context(), new(journal.Stored)); !errors.Is(err, ErrNoBackup) {
		t.Errorf("listed nowhere: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
}

// TestLastingAfterRestore: what is remembered for ever is taken over from the last backup as it is, and read anew where the
// directory was restored since: its positions stand for other records then.
func TestLastingAfterRestore(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	j, err := journal.Open(ctx, t.TempDir(), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}()
	repo, err := MakeRepository(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(t.TempDir(), "identity")
	public, err := NewIdentity(identity)
	if err != nil {
		t.Fatal(err)
	}
	to, err := ParseRecipients(public)
	if err != nil {
		t.Fatal(err)
	}
	old := Part{Kind: KindLasting, First: 1, Last: lastingPart, Digest: digestOf([]byte("old")), Object: digestOf([]byte("sealed"))}
	if err := repo.put([]byte("sealed"), objectPath(old.Object)...); err != nil {
		t.Fatal(err)
	}
	for restored, kept := range map[string]bool{"": true, "20261120T200000.000Z-00000000 X": false} {
		b := &run{repo: repo, src: Source{Journal: j.Reader()}, opts: Options{Recipients: to}, rep: new(Report), known: make(map[string]Part),
			prev: &Manifest{Parts: []Part{old}}, m: &Manifest{Position: lastingPart, Restored: restored}}
		if err := b.copyLasting(ctx); err != nil {
			t.Fatal(err)
		}
		if len(b.m.Parts) != 1 || (b.m.Parts[0].Digest == old.Digest) != kept {
			t.Errorf("after the restore %q: %+v", restored, b.m.Parts)
		}
	}
}
