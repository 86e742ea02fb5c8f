package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
)

// scene is a store with content in many containers, some of it to be erased.
type scene struct {
	dir                   string
	whole, part, bystands []target
	wrapped               [][]byte // wrapped keys that the erasures destroy
}

const (
	wholeContainer = "erase-all"
	partContainer  = "erase-some"
)

// makeScene fills a store so that the trees in its files have split many times, with the containers interleaved.
func makeScene(t testing.TB, s *Store, dir string, size int) *scene {
	t.Helper()
	sc := &scene{dir: dir}
	for round := range 3 {
		var blocks []Block
		var lists []*[]target
		add := func(list *[]target, container string, i int) {
			blocks, lists = append(blocks, Block{container, []byte(sentence(i))}), append(lists, list)
		}
		for i := range size {
			add(&sc.whole, wholeContainer, round*size+i)
			add(&sc.part, partContainer, 100+round*size+i)
			for j := range 3 {
				add(nil, fmt.Sprintf("other-%d-%d", round, i), 1000+j)
			}
		}
		add(&sc.bystands, "bystander", 200+round)
		addresses, err := s.Put(context.Background(), blocks)
		if err != nil {
			t.Fatal(err)
		}
		for i, list := range lists {
			if list != nil {
				text := string(blocks[i].Plaintext)
				*list = append(*list, target{blocks[i].Container, addresses[i], text, saltSize + 1 + len(text) + tagSize})
			}
		}
	}
	for _, container := range []string{wholeContainer, partContainer} {
		rows, err := s.reader.keysOf(context.Background(), container)
		if err != nil || len(rows) != 1 {
			t.Fatalf("keys of %s: %v, %v", container, rows, err)
		}
		sc.wrapped = append(sc.wrapped, rows[0].wrapped)
	}
	return sc
}

// erased are the targets that the scene's erasures destroy; the others must survive.
func (sc *scene) erased() []target {
	return append([]target{sc.whole[3], sc.whole[20]}, sc.part[10:12]...)
}

func (sc *scene) survivors() []target {
	return append([]target{sc.part[9], sc.part[20]}, sc.bystands[0])
}

func (sc *scene) erase(ctx context.Context, s *Store) error {
	if err := s.EraseContainer(ctx, wholeContainer); err != nil {
		return err
	}
	return s.EraseBlocks(ctx, partContainer, []Address{sc.part[10].address, sc.part[11].address})
}

func plaintexts(targets []target) (list []string) {
	for _, x := range targets {
		list = append(list, x.plaintext)
	}
	return list
}

func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, stop := start(t, dir, testOptions(t))
	sc := makeScene(t, s, dir, 20)
	all := append(sc.erased(), sc.survivors()...)
	if got := attack(t, dir, all); !slices.Equal(got, plaintexts(all)) {
		t.Fatalf("before the erasure the attacker recovers only %q", got)
	}
	if err := sc.erase(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	check := func(when string) {
		t.Helper()
		if got, want := attack(t, dir, all), plaintexts(sc.survivors()); !slices.Equal(got, want) {
			t.Errorf("%s the attacker recovers %q, want %q", when, got, want)
		}
		for name, raw := range rawFiles(t, dir) {
			for i, wrapped := range sc.wrapped {
				if bytes.Contains(raw, wrapped) {
					t.Errorf("%s wrapped key %d is in %s", when, i, name)
				}
			}
		}
	}
	check("after the erasure")
	wantErasedScene(t, s, sc)
	stop()
	check("after the end")
	s, _ = start(t, dir, testOptions(t))
	wantErasedScene(t, s, sc)
}

// wantErasedScene checks what readers see once the erasures are complete.
func wantErasedScene(t testing.TB, s *Store, sc *scene) {
	t.Helper()
	for _, x := range sc.whole {
		wantState(t, s.Reader(), x.container, x.address, Erased)
		wantErr(t, s.Reader(), x.container, x.address, ErrErased)
	}
	for i, x := range sc.part {
		if i == 10 || i == 11 {
			wantState(t, s.Reader(), x.container, x.address, Erased)
			wantErr(t, s.Reader(), x.container, x.address, ErrErased)
			continue
		}
		wantState(t, s.Reader(), x.container, x.address, Held)
		wantOpen(t, s.Reader(), x.container, x.address, x.plaintext)
		plaintext, opening, err := s.Reader().Disclose(context.Background(), anyGrant(t), x.container, x.address)
		if err != nil {
			t.Fatal(err)
		}
		if err := VerifyDisclosure(x.address, plaintext, opening); err != nil {
			t.Error(err)
		}
	}
	for _, x := range sc.bystands {
		wantOpen(t, s.Reader(), x.container, x.address, x.plaintext)
	}
}

// Rows of wrapped keys never move, so that zeroing one in place leaves no copy of it.
func TestDestroyedKeysLeaveNoCopies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, dir, testOptions(t))
	var wrapped [][]byte
	destroy := func(ids ...int64) {
		t.Helper()
		var doom []doomed
		for _, id := range ids {
			doom = append(doom, doomed{id: id, erased: []prefix{{byte(id)}}})
		}
		if err := s.do(t.Context(), func() error { return destroyKeys(s.keys, doom) }); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 12 {
		var blocks []Block
		for i := range 100 {
			blocks = append(blocks, Block{fmt.Sprintf("c%0*d", 1+i*2, round*100+i), nil})
		}
		if _, err := s.Put(t.Context(), blocks); err != nil {
			t.Fatal(err)
		}
		for i := range blocks {
			row, err := s.reader.keyByID(t.Context(), int64(round*100+i+1))
			if err != nil || row.destroyed() {
				t.Fatalf("key: %+v, %v", row, err)
			}
			wrapped = append(wrapped, row.wrapped)
		}
		for i := 0; i < len(wrapped); i += 7 {
			destroy(int64(i + 1))
		}
	}
	if err := s.do(t.Context(), func() error { return s.keys.checkpoint() }); err != nil {
		t.Fatal(err)
	}
	files := rawFiles(t, dir)
	for i, w := range wrapped {
		found := 0
		for _, raw := range files {
			for part := range slices.Chunk(w, 15) {
				found += bytes.Count(raw, part)
			}
		}
		if want := len(w) / 15; i%7 == 0 && found != 0 || i%7 != 0 && found != want {
			t.Errorf("of key %d, %d parts are in the files", i+1, found)
		}
	}
}

func TestPutAfterErasure(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	ctx := context.Background()
	a := put(t, s, "c", "one", "two", "three")
	if err := s.EraseBlock(ctx, "c", a[0]); err != nil {
		t.Fatal(err)
	}
	// The source delivers everything again: what was erased stays erased, under its old address.
	b := put(t, s, "c", "one", "two", "four")
	wantState(t, s.Reader(), "c", a[0], Erased)
	wantOpen(t, s.Reader(), "c", a[1], "two")
	wantOpen(t, s.Reader(), "c", a[2], "three")
	for i, text := range []string{"one", "two", "four"} {
		wantOpen(t, s.Reader(), "c", b[i], text)
	}
	if err := s.EraseContainer(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	c := put(t, s, "c", "one", "two")
	for _, x := range append(a, b...) {
		wantState(t, s.Reader(), "c", x, Erased)
	}
	wantOpen(t, s.Reader(), "c", c[1], "two")
	// Erasing again, and erasing what never was, changes nothing.
	for range 2 {
		if err := s.EraseBlocks(ctx, "c", append(a, b...)); err != nil {
			t.Fatal(err)
		}
		if err := s.EraseContainer(ctx, "never was"); err != nil {
			t.Fatal(err)
		}
	}
	wantOpen(t, s.Reader(), "c", c[0], "one")
	missing := put(t, s, "elsewhere", "one")[0]
	if err := s.EraseBlock(ctx, "c", missing); err != nil {
		t.Fatal(err)
	}
	wantState(t, s.Reader(), "c", missing, Missing)
	if err := s.EraseBlock(ctx, "c", "no address"); err == nil {
		t.Error("erased no address")
	}
}

// Whatever cuts an erasure short, at every step: what readers see is either the block or its erasure, new content is
// taken, and calling again completes it.
func TestErasureIsCutShort(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	s, stop := start(t, base, testOptions(t))
	sc := makeScene(t, s, base, 8)
	stop()

	var names, crashes []string
	dir := copyDir(t, base)
	s, stop = start(t, dir, testOptions(t))
	s.step = func(name string) error {
		names = append(names, name)
		crashes = append(crashes, copyDir(t, dir))
		return nil
	}
	if err := sc.erase(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	stop()
	for _, step := range []string{"retired", "moved", "destroyed", "removed", "keys emptied", "content emptied"} {
		if !slices.Contains(names, step) {
			t.Errorf("no step %q among %q", step, names)
		}
	}
	for i := range names {
		t.Run(fmt.Sprintf("crash at %d %s", i, names[i]), func(t *testing.T) {
			t.Parallel()
			s, _ := start(t, crashes[i], testOptions(t))
			checkResumes(t, s, sc, crashes[i], i%4 == 0)
		})
		t.Run(fmt.Sprintf("error at %d %s", i, names[i]), func(t *testing.T) {
			t.Parallel()
			dir := copyDir(t, base)
			s, _ := start(t, dir, testOptions(t))
			steps, errCut := 0, errors.New("cut short")
			s.step = func(string) error {
				if steps++; steps == i+1 {
					return errCut
				}
				return nil
			}
			if err := sc.erase(context.Background(), s); !errors.Is(err, errCut) {
				t.Fatalf("erase: %v, want it cut short", err)
			}
			checkResumes(t, s, sc, dir, false)
		})
	}
}

func checkResumes(t *testing.T, s *Store, sc *scene, dir string, raw bool) {
	t.Helper()
	for _, x := range append(slices.Clone(sc.whole), sc.part...) {
		state, err := s.Reader().State(context.Background(), x.container, x.address)
		if err != nil {
			t.Fatal(err)
		}
		switch state {
		case Held:
			wantOpen(t, s.Reader(), x.container, x.address, x.plaintext)
		case Erased:
			wantErr(t, s.Reader(), x.container, x.address, ErrErased)
		default:
			t.Errorf("state of a block in %s: %s", x.container, state)
		}
	}
	for _, container := range []string{wholeContainer, partContainer} {
		fresh := put(t, s, container, "put between the crash and the second try")
		wantOpen(t, s.Reader(), container, fresh[0], "put between the crash and the second try")
		if container == partContainer {
			defer wantOpen(t, s.Reader(), container, fresh[0], "put between the crash and the second try")
		}
	}
	if err := sc.erase(context.Background(), s); err != nil {
		t.Fatal(err)
	}
	wantErasedScene(t, s, sc)
	for name, b := range rawFiles(t, dir) {
		for _, wrapped := range sc.wrapped {
			if bytes.Contains(b, wrapped) {
				t.Errorf("a wrapped key is in %s", name)
			}
		}
	}
	if raw {
		if got := attack(t, dir, sc.erased()); len(got) != 0 {
			t.Errorf("the attacker recovers %q", got)
		}
	}
}

// A reader that holds the log is told of, and the erasure completes once it is gone.
func TestErasureWaitsForReaders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, _ := start(t, dir, testOptions(t))
	ctx := context.Background()
	a := put(t, s, "c", "text")
	for _, file := range []string{"content", "keys"} {
		reader, err := OpenReader(ctx, dir, testOptions(t))
		if err != nil {
			t.Fatal(err)
		}
		db, query := reader.content, "SELECT count(*) FROM blocks"
		if file == "keys" {
			db, query = reader.keys, "SELECT count(*) FROM keys"
		}
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if err := tx.QueryRowContext(ctx, query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if err := s.EraseContainer(ctx, "c"); !errors.Is(err, ErrBusy) {
			t.Errorf("erase while a reader holds %s: %v, want ErrBusy", file, err)
		}
		wantState(t, s.Reader(), "c", a[0], Erased)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		if err := reader.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.EraseContainer(ctx, "c"); err != nil {
			t.Errorf("erase after %s was let go: %v", file, err)
		}
		for _, name := range []string{"content.db-wal", "keys/containers.db-wal"} {
			if info, err := os.Stat(dir + "/" + name); err != nil || info.Size() != 0 {
				t.Errorf("%s is not empty: %v, %v", name, info, err)
			}
		}
		a = put(t, s, "c", "text")
	}
}

// Erasures, puts and readers of one container at once: what was put and not erased is readable all the time.
func TestErasureDuringPuts(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	ctx := context.Background()
	stays := put(t, s, "c", "stays")[0]
	var putters, readers sync.WaitGroup
	done := make(chan struct{})
	for p := range 4 {
		putters.Go(func() {
			var texts []string
			var addresses []Address
			for i := range 25 {
				texts = append(texts, sentence(p*1000+i))
				addresses = append(addresses, put(t, s, "c", texts[i])...)
			}
			for i, a := range addresses {
				wantOpen(t, s.Reader(), "c", a, texts[i])
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					wantOpen(t, s.Reader(), "c", stays, "stays")
				}
			}
		})
	}
	for i := range 8 {
		a := put(t, s, "c", fmt.Sprint("erased ", i))[0]
		for err := ErrBusy; errors.Is(err, ErrBusy); {
			if err = s.EraseBlock(ctx, "c", a); err != nil && !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
		}
		wantState(t, s.Reader(), "c", a, Erased)
	}
	putters.Wait()
	close(done)
	readers.Wait()
}

// A block sealed under a key that was retired meanwhile is sealed again, and not lost with the key.
func TestPutUnderARetiredKey(t *testing.T) {
	t.Parallel()
	s, _ := start(t, t.TempDir(), testOptions(t))
	ctx := context.Background()
	a := put(t, s, "c", "erased", "stays")
	_, late, err := s.seal(ctx, []Block{{"c", []byte("late")}})
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	s.step = func(name string) error {
		tried++
		if err := s.submit(ctx, request{entries: late}); !errors.Is(err, errRetired) {
			t.Errorf("stored under an old key after %q: %v", name, err)
		}
		return nil
	}
	if err := s.EraseBlock(ctx, "c", a[0]); err != nil {
		t.Fatal(err)
	}
	if err := s.EraseContainer(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if tried < 8 {
		t.Errorf("only %d steps", tried)
	}
}

// Restores: an older key file must not bring erased content back, nor an older content file.
func TestRestoreRepeatsErasures(t *testing.T) {
	t.Parallel()
	for _, older := range []string{"content.db", "keys/containers.db"} {
		t.Run(older, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s, stop := start(t, dir, testOptions(t))
			sc := makeScene(t, s, dir, 8)
			stop()
			before := copyDir(t, dir)
			s, stop = start(t, dir, testOptions(t))
			if err := sc.erase(context.Background(), s); err != nil {
				t.Fatal(err)
			}
			stop()
			b, err := os.ReadFile(before + "/" + older)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir+"/"+older, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if older == "content.db" { // seen right also before the writer has put things in order
				r, err := OpenReader(context.Background(), copyDir(t, dir), testOptions(t))
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				wantState(t, r, sc.whole[3].container, sc.whole[3].address, Erased)
				wantState(t, r, sc.part[10].container, sc.part[10].address, Erased)
				wantState(t, r, sc.part[9].container, sc.part[9].address, Missing)
			}
			s, _ = start(t, dir, testOptions(t))
			for _, x := range sc.whole {
				wantState(t, s.Reader(), x.container, x.address, Erased)
			}
			if got := attack(t, dir, sc.erased()); len(got) != 0 {
				t.Errorf("the attacker recovers %q", got)
			}
			// What the others were moved to is in the newer of the two files only: they are lost, and nobody erased them.
			wantState(t, s.Reader(), sc.part[9].container, sc.part[9].address, Missing)
			for _, x := range sc.bystands {
				wantOpen(t, s.Reader(), x.container, x.address, x.plaintext)
			}
			put(t, s, partContainer, plaintexts(sc.part)...)
			if err := sc.erase(context.Background(), s); err != nil {
				t.Error(err)
			}
		})
	}
}
