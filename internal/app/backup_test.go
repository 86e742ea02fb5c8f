package app_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-audit/tripod/internal/app"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/backup"
	"github.com/tripod-audit/tripod/internal/config"
	"github.com/tripod-audit/tripod/internal/content"
	"github.com/tripod-audit/tripod/internal/intake/capture"
	"github.com/tripod-audit/tripod/internal/journal"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/search"
)

// vault is a repository with what opens it.
type vault struct{ repo, identity, recipient string }

func newVault(t *testing.T) vault {
	t.Helper()
	v := vault{repo: filepath.Join(t.TempDir(), "repo"), identity: filepath.Join(t.TempDir(), "backup.key")}
	var err error
	if v.recipient, err = backup.NewIdentity(v.identity); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v vault) backup(t *testing.T, dir string) *backup.Report {
	t.Helper()
	r, err := app.Backup(context.Background(), dir, app.BackupOrder{Repository: v.repo, Recipients: []string{v.recipient}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// restore restores into a directory of its own, with the master key of another.
func (v vault) restore(t *testing.T, from string, change func(*app.RestoreOrder)) (string, *backup.Restored, error) {
	t.Helper()
	o := app.RestoreOrder{Repository: v.repo, Dir: filepath.Join(t.TempDir(), "restored"), Identities: []string{v.identity},
		MasterFile: filepath.Join(from, "keys", "master.key")}
	if change != nil {
		change(&o)
	}
	done, err := app.Restore(context.Background(), o)
	return o.Dir, done, err
}

func capturing(dir string) config.Config {
	cfg := cfgFor(dir)
	cfg.Capture.Rules = append(cfg.Capture.Rules, capture.Rule{Source: []audit.Source{audit.SourceOTelLog}, Keep: audit.ClassText})
	return cfg
}

// wantVerified wants a directory to verify against a key and a checkpoint.
func wantVerified(t *testing.T, dir, key string, saved []byte) *ledger.Report {
	t.Helper()
	r, err := app.Verify(context.Background(), ledger.VerifyOptions{Dir: dir, Key: key, Saved: saved})
	if err != nil || !r.Verified {
		t.Fatalf("%v: %+v", err, r)
	}
	return r
}

// states tells of every block that a record refers to whether it is held, and lists records by position and commitment.
func states(t *testing.T, dir string) (records []string, blocks map[content.State]int) {
	t.Helper()
	ctx := context.Background()
	j, err := journal.OpenReader(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	c, err := content.OpenReader(ctx, dir, content.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	blocks = make(map[content.State]int)
	for s, err := range j.Scan(ctx, 1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, fmt.Sprint(s.Seq, s.Commitment, s.Tombstone != nil))
		if s.Tombstone != nil {
			continue
		}
		rec, err := s.Record()
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range rec.Content {
			if b.Address == "" {
				continue
			}
			state, err := c.State(ctx, rec.Container, b.Address)
			if err != nil {
				t.Fatal(err)
			}
			blocks[state]++
		}
	}
	return records, blocks
}

func key(t *testing.T, dir string) string {
	t.Helper()
	k, err := ledger.ReadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestBackupUnderLoad: what is backed up while records come in restores to a directory that verifies, in which every block a
// record refers to is held; the next backup writes little.
func TestBackupUnderLoad(t *testing.T) {
	s := serve(t, capturing(t.TempDir()))
	v := newVault(t)
	ctx, cancel := context.WithCancel(context.Background())
	var posting sync.WaitGroup
	first := make(chan struct{})
	posting.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			if code := s.post(t, "", strings.ReplaceAll(exportOf(fmt.Sprint("s-", i)), "hello", fmt.Sprint("hello ", i))); code != http.StatusOK {
				t.Errorf("delivery %d: %d", i, code)
			}
			if i == 20 {
				close(first)
			}
		}
	})
	<-first
	for range 2 {
		report := v.backup(t, s.dir)
		dir, done, err := v.restore(t, s.dir, func(o *app.RestoreOrder) { o.Key = key(t, s.dir) })
		if err != nil {
			t.Fatal(err)
		}
		if done.Position != report.Position || !done.Keys.Master || !done.Anchored || done.LostLast != 0 {
			t.Fatalf("restored %+v of %+v", done, report)
		}
		wantVerified(t, dir, key(t, s.dir), nil)
		records, blocks := states(t, dir)
		if blocks[content.Missing]+blocks[content.Erased] > 0 || blocks[content.Held] < 20 || uint64(len(records)) < report.Position {
			t.Fatalf("%d records, blocks %v", len(records), blocks)
		}
	}
	cancel()
	posting.Wait()
	v.backup(t, s.dir)
	report := v.backup(t, s.dir)
	if report.New > 4 { // what the record of the last backup changes
		t.Errorf("%d of %d parts are new although nothing happened", report.New, report.Parts)
	}
}

// TestRestoreElsewhere: the restored directory gives the answers of the old one; an erasure that a repository heard of within
// moments is carried out again, whether or not a backup came after it.
func TestRestoreElsewhere(t *testing.T) {
	v := newVault(t)
	cfg := capturing(t.TempDir())
	cfg.Backup.Repository, cfg.Backup.Recipients = v.repo, []string{v.recipient}
	s := serve(t, cfg)
	for _, session := range []string{"s-1", "s-2"} {
		if code := s.post(t, "", exportOf(session)); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	s.awaitViews(t)
	report := v.backup(t, s.dir)
	at := positionOfSession(t, s.dir, "s-1")
	if _, err := app.Erase(context.Background(), s.dir, app.EraseOrder{Seq: at, Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Erase(context.Background(), s.dir, app.EraseOrder{Container: "session/-/s-2", Reason: "asked for"}); err != nil {
		t.Fatal(err)
	}
	defer func() { t.Log(s.log) }()
	await(t, "the erasures in the repository", func() bool {
		files, _ := filepath.Glob(filepath.Join(v.repo, "erasures", "*.age"))
		return len(files) == 2
	})
	wanted := searchAll(t, s.dir, report.Position)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	// Without the keys nothing could be erased again, so nothing is restored.
	if _, _, err := v.restore(t, s.dir, func(o *app.RestoreOrder) { o.MasterFile = "" }); err == nil || !strings.Contains(err.Error(), "2 erasures") {
		t.Fatalf("without the master key: %v", err)
	}
	dir, done, err := v.restore(t, s.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if done.Again != 2 {
		t.Fatalf("%+v", done)
	}
	wantVerified(t, dir, key(t, s.dir), nil)
	wantNoTrace(t, dir, "s-1")
	if d := cmp.Diff(wanted, searchAll(t, dir, report.Position)); d != "" {
		t.Errorf("other answers: %s", d)
	}
	if _, blocks := states(t, dir); blocks[content.Held] > 3 { // the reasons of the two orders, the rules of the capture policy
		t.Errorf("blocks %v", blocks)
	}
	again := serve(t, cfgFor(dir)) // it goes on where the backup ended
	if code := again.post(t, "", exportOf("s-3")); code != http.StatusOK {
		t.Fatal(code)
	}
	again.awaitViews(t)
}

// TestRestoreOfYesterday: an older backup beside a newer one is noticed, and so is a held checkpoint from later. Where it is
// accepted, tombstones keep every proof, as far as the repository knows the commitments.
func TestRestoreOfYesterday(t *testing.T) {
	v := newVault(t)
	s := serve(t, capturing(t.TempDir()))
	post := func(session string) {
		t.Helper()
		if code := s.post(t, "", exportOf(session)); code != http.StatusOK {
			t.Fatal(code)
		}
	}
	post("s-1")
	old := v.backup(t, s.dir)
	post("s-2")
	var loss *backup.LossError
	newer := v.backup(t, s.dir)
	post("s-3")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	saved, err := os.ReadFile(filepath.Join(s.dir, "ledger", "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	of := func(id string, saved []byte, accept bool) func(*app.RestoreOrder) {
		return func(o *app.RestoreOrder) { o.At, o.Saved, o.AcceptLoss = id, saved, accept }
	}
	for name, change := range map[string]func(*app.RestoreOrder){"an older backup": of(old.ID, nil, false), "a held checkpoint": of("", saved, false)} {
		dir, _, err := v.restore(t, s.dir, change)
		if !errors.As(err, &loss) || !strings.Contains(err.Error(), "rollback") {
			t.Errorf("%s: %v", name, err)
		}
		if entries, _ := os.ReadDir(filepath.Dir(dir)); len(entries) > 0 {
			t.Errorf("%s: left behind %v", name, entries)
		}
	}
	dir, done, err := v.restore(t, s.dir, of(old.ID, nil, true))
	if err != nil || !done.Filled || done.LostFirst != old.Position+1 || done.LostLast != newer.LedgerSize {
		t.Fatalf("%+v, %v", done, err)
	}
	if r := wantVerified(t, dir, key(t, s.dir), nil); r.Lost != newer.LedgerSize-old.Position {
		t.Errorf("%+v", r)
	}
	dir, done, err = v.restore(t, s.dir, of("", saved, true))
	if err != nil || done.Filled || done.LostFirst != newer.Position+1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if r, err := app.Verify(context.Background(), ledger.VerifyOptions{Dir: dir, Key: key(t, s.dir), Saved: saved}); err != nil || r.Verified {
		t.Errorf("two histories, and a checkpoint of one verifies the other: %+v, %v", r, err)
	}
}

// TestBackupTampered: whatever file of a repository is altered, verification and restore say so.
func TestBackupTampered(t *testing.T) {
	v := newVault(t)
	s := serve(t, capturing(t.TempDir()))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatal(code)
	}
	v.backup(t, s.dir)
	var files []string
	for _, pattern := range []string{"objects/*/*", "backups/*", "keys/*"} {
		some, _ := filepath.Glob(filepath.Join(v.repo, pattern))
		files = append(files, some...)
	}
	repo, err := backup.OpenRepository(v.repo)
	if err != nil {
		t.Fatal(err)
	}
	m, err := repo.Newest()
	if err != nil {
		t.Fatal(err)
	}
	leaves := m.Parts[slices.IndexFunc(m.Parts, func(p backup.Part) bool { return p.Kind == backup.KindLeaves })].Object
	if len(files) < 8 {
		t.Fatal(files)
	}
	for i, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(file, v.repo)
		verdict, err := app.VerifyBackup(context.Background(), v.repo, nil, key(t, s.dir), nil)
		if err != nil || verdict.Verified {
			t.Errorf("%s altered: %+v, %v", name, verdict, err)
		}
		if i%3 == 0 { // a restore is long
			if _, _, err := v.restore(t, s.dir, nil); err == nil && !strings.HasSuffix(name, leaves) { // which nothing was lost for
				t.Errorf("%s altered, and restored", name)
			}
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	verdict, err := app.VerifyBackup(context.Background(), v.repo, []string{v.identity}, key(t, s.dir), nil)
	if err != nil || !verdict.Verified || verdict.Records == 0 {
		t.Errorf("%+v, %v", verdict, err)
	}
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 30*time.Second; time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

func positionOfSession(t *testing.T, dir, session string) uint64 {
	t.Helper()
	for _, seq := range searchAll(t, dir, 1<<40) {
		j, err := journal.OpenReader(context.Background(), dir)
		if err != nil {
			t.Fatal(err)
		}
		list, err := j.Get(context.Background(), seq)
		if err = errors.Join(err, j.Close()); err != nil {
			t.Fatal(err)
		}
		if rec, err := list[0].Record(); err == nil && rec.Keys.Session == session {
			return seq
		}
	}
	t.Fatalf("no record of session %s", session)
	return 0
}

// searchAll lists what a search finds up to a position, newest first.
func searchAll(t *testing.T, dir string, upTo uint64) (seqs []uint64) {
	t.Helper()
	ctx := context.Background()
	r, err := app.OpenReading(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	q, err := search.Parse("-source:tripod", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	page, err := r.Find(ctx, q, search.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range page.Items {
		if item.Seq <= upTo {
			seqs = append(seqs, item.Seq)
		}
	}
	return seqs
}

// TestBackupNotMounted: where the latest backup was made there is a repository, or none is made: its volume is not mounted.
func TestBackupNotMounted(t *testing.T) {
	t.Parallel()
	s := serve(t, cfgFor(t.TempDir()))
	s.stop()
	v := newVault(t)
	v.backup(t, s.dir)
	away := v.repo + ".away"
	if err := os.Rename(v.repo, away); err != nil {
		t.Fatal(err)
	}
	order := app.BackupOrder{Repository: v.repo, Recipients: []string{v.recipient}}
	if _, err := app.Backup(context.Background(), s.dir, order); err == nil || !strings.Contains(err.Error(), "mount it") {
		t.Errorf("made without its volume: %v", err)
	}
	if _, err := os.Stat(v.repo); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is there: %v", err)
	}
	if err := os.Rename(away, v.repo); err != nil {
		t.Fatal(err)
	}
	v.backup(t, s.dir)
	v.repo += ".other"
	v.backup(t, s.dir)
}

// TestOlderKeys: a file of keys in the place of another, as of before something was erased, is refused.
func TestOlderKeys(t *testing.T) {
	t.Parallel()
	s := serve(t, capturing(t.TempDir()))
	if code := s.post(t, "", export); code != http.StatusOK {
		t.Fatal(code)
	}
	v := newVault(t)
	older := v.backup(t, s.dir)
	newer := v.backup(t, s.dir)
	b, err := os.ReadFile(filepath.Join(v.repo, "keys", older.ID+".age"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(v.repo, "keys", newer.ID+".age"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.restore(t, s.dir, nil); err == nil || !strings.Contains(err.Error(), "altered") {
		t.Errorf("restored with an older file of keys: %v", err)
	}
}
