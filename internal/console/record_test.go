package console_test

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/erasure"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/proof"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestRecordPage(t *testing.T) {
	t.Parallel()
	b, ids := sessionBench(t, "files-full")
	a := b.Get("/record/5")
	if a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	consoletest.CheckInert(t, "record", a.Body)
	holds(t, "record", a.Body, "Record 5", "tool_decision", ids[0], "sent as", "tool_use_id", "when it entered the journal", "proved by the credential",
		"in the ledger", "Under signed checkpoint", `<a href="#proof">proof</a>`, "The proof as text", "What it does not say", "tripod verify", `href="/record/4"`, `href="/record/6"`, "toolu_fake000000000100")
	at := -1
	for _, id := range []string{"fields", "content", "attributes", "proof", "source"} { // in the order of the page
		next := strings.Index(a.Body, `id="`+id+`"`)
		if next <= at || !strings.Contains(a.Body, `href="#`+id+`"`) {
			t.Errorf("part %s is at %d, behind %d, or nothing leads to it", id, next, at)
		}
		at = next
	}
	stored, err := b.Journal.Reader().Get(context.Background(), 5)
	if err != nil {
		t.Fatal(err)
	}
	source := b.Get("/record/5/source")
	if source.Body != string(stored[0].Bytes) || !strings.HasPrefix(source.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("source form: %d, %v", source.Status, source.Header)
	}
	proof := b.Get("/record/5/proof")
	key, err := ledger.ReadKey(b.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckProof(key, stored[0].Commitment, []byte(proof.Body)); err != nil {
		t.Errorf("the proof does not verify: %v", err)
	}
	var got []string
	for _, r := range b.Own("tripod.console.open") {
		name, _ := r.Attributes.Get("tripod.page")
		at, _ := r.Attributes.Get("position")
		got = append(got, name.Str()+" "+at.Text())
	}
	if want := "record 5,record.source 5,record.proof 5"; strings.Join(got, ",") != want {
		t.Errorf("recorded %v, want %s", got, want)
	}
}

func TestRecordPanel(t *testing.T) {
	t.Parallel()
	b, _ := sessionBench(t, "files-full")
	a := b.Do(http.MethodGet, b.Server.URL+"/record/5", func(r *http.Request) { r.Header.Set("HX-Request", "true") })
	if a.Status != http.StatusOK || strings.Contains(a.Body, "<html") || !strings.Contains(a.Body, `href="/record/5"`) ||
		!strings.Contains(a.Body, `href="/record/5#proof"`) {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if n := len(b.Own("tripod.console.open")); n != 1 {
		t.Errorf("%d openings recorded", n)
	}
}

func TestRecordThatIsNotThere(t *testing.T) {
	t.Parallel()
	b, _ := sessionBench(t, "t1")
	for _, path := range []string{"/record/0", "/record/999", "/record/x", "/record/-1", "/record/99999999999999999999", "/record/%3Cb%3E", "/record/999/proof", "/record/999/proof.json", "/record/999/source"} {
		a := b.Get(path)
		if a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.Status)
		}
		consoletest.CheckInert(t, path, a.Body)
	}
}

func TestErasedRecord(t *testing.T) {
	t.Parallel()
	b, ids := sessionBench(t, "t1")
	ctx := context.Background()
	stored, err := b.Journal.Reader().Get(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Door.Record(ctx, intake.Act{Type: erasure.TypeRecord, Activity: audit.ActivityErasure, Attributes: audit.Attrs{
		{Name: "position", Value: audit.Int(3)}, {Name: "commitment", Value: audit.String(stored[0].Commitment.String())}}}, nil)
	if err == nil {
		b.CatchUp()
		err = b.Journal.Erase(ctx, 3)
	}
	if err != nil {
		t.Fatal(err)
	}
	a := b.Get("/record/3")
	consoletest.CheckInert(t, "tombstone", a.Body)
	holds(t, "tombstone", a.Body, "Nothing is left", "erased by order", stored[0].Commitment.String(), "in the ledger", "all that is left")
	if strings.Contains(a.Body, ids[0]) || strings.Contains(a.Body, "Source form") {
		t.Error("the page of an erased record shows some of it")
	}
	if a := b.Get("/record/3/source"); a.Status != http.StatusNotFound {
		t.Errorf("source form of an erased record: %d", a.Status)
	}
	if a := b.Get("/session/" + ids[0]); a.Status != http.StatusOK {
		t.Errorf("its session: %d", a.Status)
	}
}

// TestRecordBeforeItsCheckpoint shows the record and says that the proof is to come.
func TestRecordBeforeItsCheckpoint(t *testing.T) {
	t.Parallel()
	b, _ := sessionBench(t, "t1")
	a := b.Get("/record/10")
	last, err := b.Journal.Reader().Last(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for a.Status == http.StatusOK { // the opening itself becomes the newest record; it may be signed for at once
		a = b.Get("/record/" + strconv.FormatUint(last+1, 10))
		if strings.Contains(a.Body, "Under signed checkpoint") ||
			strings.Contains(a.Body, "No checkpoint covers this record yet") && strings.Contains(a.Body, "not yet signed") {
			return
		}
	}
	t.Errorf("%d %s", a.Status, a.Body)
}

func TestHostileRecordAndSession(t *testing.T) {
	if testing.Short() {
		t.Skip("one goroutine at a time, and long with the race detector: runs without")
	}
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{})
	seqs := b.Hostile(time.Now())
	b.SignIn()
	sessions := make(map[string]bool)
	for _, seq := range seqs {
		path := "/record/" + strconv.FormatUint(seq, 10)
		for _, header := range []string{"", "true"} {
			a := b.Do(http.MethodGet, b.Server.URL+path, func(r *http.Request) { r.Header.Set("HX-Request", header) })
			if a.Status != http.StatusOK || !strings.Contains(a.Body, consoletest.Mark) {
				t.Errorf("%s: %d: the test proves nothing", path, a.Status)
			}
			consoletest.CheckInert(t, path, a.Body)
			if len(a.Body) > 1<<20 {
				t.Errorf("%s: %d bytes: long values are not cut", path, len(a.Body))
			}
			if at := strings.Index(a.Body, `href="/session/`); at >= 0 {
				link, _, _ := strings.Cut(a.Body[at+len(`href="`):], `"`)
				sessions[link] = true
			}
		}
	}
	shown := 0
	for link := range sessions {
		a := b.Get(link)
		consoletest.CheckInert(t, "session", a.Body)
		if a.Status == http.StatusOK && strings.Contains(a.Body, consoletest.Mark) {
			shown++
		}
	}
	if shown < len(sessions)/2 {
		t.Errorf("%d of %d sessions shown", shown, len(sessions))
	}
	consoletest.CheckInert(t, "health", b.Get("/health").Body)
}

// TestProofAndSourceAgree recomputes the commitment from what the page lets one download, as docs/verify.md says.
func TestProofAndSourceAgree(t *testing.T) {
	t.Parallel()
	b, _ := sessionBench(t, "t1")
	body := b.Get("/record/2").Body
	stored, err := b.Journal.Reader().Get(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "proof", body, stored[0].Commitment.String())
	text := b.Get("/record/2/proof").Body
	if !strings.HasPrefix(text, "c2sp.org/tlog-proof@v1") {
		t.Errorf("proof begins %q", text[:min(60, len(text))])
	}
	key, err := ledger.ReadKey(b.Dir)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, "check it yourself", html.UnescapeString(body), `href="/record/2/proof.json" download`, "tripod verify --proof record-2.proof.json --key '"+key+"'")
	download := b.Get("/record/2/proof.json")
	if got := download.Header.Get("Content-Disposition"); got != `attachment; filename="record-2.proof.json"` {
		t.Errorf("download is %q", got)
	}
	file, err := proof.Parse([]byte(download.Body))
	if err != nil {
		t.Fatal(err)
	}
	report, err := proof.Check(file, key, nil)
	if err != nil || !report.Verified || report.Seq != 2 {
		t.Errorf("the download does not verify: %+v, %v", report, err)
	}
}
