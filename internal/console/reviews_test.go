package console_test

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console"
	"github.com/tripod-audit/tripod/internal/console/consoletest"
	"github.com/tripod-audit/tripod/internal/reviews"
)

func TestReviewsShowWhoLooked(t *testing.T) {
	t.Parallel()
	b, sessions := filled(t)
	for _, path := range []string{"/record/3", "/session/" + sessions[0], "/activity" + query("user:dana@example.com")} {
		if a := b.Get(path); a.Status != http.StatusOK {
			t.Fatal(path, a.Status)
		}
	}
	b.CatchUp()
	a := b.Get("/reviews")
	consoletest.CheckInert(t, "reviews", a.Body)
	for _, want := range []string{"Opened record 3", "user:dana@example.com", "auditor", `href="/session/` + sessions[0]} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("the log lacks %s: %d", want, a.Status)
		}
	}
	if n := len(b.Own(reviews.TypeOpen)); n != 1 {
		t.Errorf("%d records of the look at who looked", n)
	}
	if a := b.Get("/reviews?kind=search"); strings.Contains(a.Body, "Opened record 3") || !strings.Contains(a.Body, "user:dana@example.com") {
		t.Error("the kind does not choose")
	}
	if a := b.Get("/reviews?who=nobody@example.com"); strings.Contains(a.Body, "user:dana@example.com") {
		t.Error("the account does not choose")
	}
	for _, bad := range []string{"?kind=gossip", "?after=yesterday", "?before=1", "?cursor=x", "/digest/2026-W99", "/digest/9000-W01", "/export?as=pdf", "/consultations/export?as=csv", "?who=" + strings.Repeat("x", 300)} {
		if a := b.Get("/reviews" + bad); a.Status != http.StatusBadRequest && a.Status != http.StatusNotFound {
			t.Errorf("%s: %d", bad, a.Status)
		}
	}
}

func TestReviewsAreDownloadedWithTheirSidecar(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	b.Get("/activity" + query("user:=1+1@example.com"))
	b.Get("/activity" + query("user:dana@example.com"))
	b.CatchUp()
	for path, want := range map[string]string{
		"/reviews/export?as=csv&kind=search": "user:dana@example.com", "/reviews/export?as=ndjson": `"kind":"search"`,
		"/reviews/consultations/export?as=csv&account=dana%40example.com": "search,metadata", "/reviews/consultations/export?as=ndjson&account=dana%40example.com": `"access":"search"`,
	} {
		a := b.Get(path)
		z, err := zip.NewReader(strings.NewReader(a.Body), int64(len(a.Body)))
		if err != nil || len(z.File) != 2 {
			t.Fatalf("%s: %d %v", path, a.Status, err)
		}
		body := readZip(t, z.File[0])
		if !strings.Contains(body, want) || strings.Contains(path, "consultations") && strings.Contains(body, "auditor") {
			t.Errorf("%s:\n%s", path, body)
		}
		var sidecar reviews.Sidecar
		if err := json.Unmarshal([]byte(readZip(t, z.File[1])), &sidecar); err != nil || sidecar.SHA256 == "" || sidecar.Rows == 0 || sidecar.Position == 0 {
			t.Errorf("%s: %v %+v", path, err, sidecar)
		}
	}
	for _, r := range b.Own(reviews.TypeOpen) {
		if r.Activity != audit.ActivityExport {
			t.Errorf("a download is on record as %s", r.Activity)
		}
	}
}

func readZip(t *testing.T, f *zip.File) string {
	t.Helper()
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestConsultationsPage(t *testing.T) {
	t.Parallel()
	b, sessions := filled(t)
	b.Get("/session/" + sessions[0])
	b.Get("/activity" + query("user:dana@example.com"))
	b.CatchUp()
	a := b.Get("/reviews/consultations?" + url.Values{"account": {"dana@example.com"}}.Encode())
	consoletest.CheckInert(t, "consultations", a.Body)
	main, _, _ := strings.Cut(a.Body[strings.Index(a.Body, "<main"):], "</main>")
	for _, want := range []string{">session<", ">search<", "no case was needed", "2 looks at"} {
		if !strings.Contains(main, want) {
			t.Errorf("the page lacks %s:\n%s", want, main)
		}
	}
	if strings.Contains(main, "auditor") {
		t.Error("the page names who looked")
	}
	holds(t, "nobody looked", b.Get("/reviews/consultations?account=nobody%40example.com").Body, "No look at this account is on record")
}

func TestDigestPage(t *testing.T) {
	t.Parallel()
	b, _ := filled(t)
	b.Get("/activity" + query("user:dana@example.com"))
	b.CatchUp()
	this := reviews.WeekOf(time.Now())
	a := b.Get("/reviews/digest/" + this.String())
	consoletest.CheckInert(t, "digest", a.Body)
	holds(t, "digest", a.Body, "This week is not over", "Nobody opened content alone", "No case was open", "> search</a>")
	holds(t, "digests", b.Get("/reviews/digest").Body, this.String(), "not over yet")
	if n := len(b.Own(reviews.TypeRead)); n != 0 {
		t.Errorf("%d weeks were read before they were over", n)
	}
	b.Get("/reviews/digest/" + this.Previous().String())
	if n := len(b.Own(reviews.TypeRead)); n != 1 {
		t.Errorf("that a privacy officer read it is on record %d times", n)
	}
	b.SignInAs(&access.Person{Subject: "os:ed", Roles: []access.Role{access.Auditor}, Via: access.ViaLocal})
	if a := b.Get("/reviews/digest/" + this.Previous().String()); a.Status != http.StatusOK || len(b.Own(reviews.TypeRead)) != 1 {
		t.Errorf("an auditor read it as a privacy officer: %d", a.Status)
	}
}

// TestSealedWhereNothingOpens: a console that cannot open content shows the log without texts.
func TestSealedWhereNothingOpens(t *testing.T) {
	t.Parallel()
	b := consoletest.New(t, consoletest.Options{Configure: func(_ *console.Config, d *console.Deps) { d.Contents = nil }})
	b.SignIn()
	b.Get("/activity" + query("user:dana@example.com"))
	b.CatchUp()
	if a := b.Get("/reviews"); strings.Contains(a.Body, "dana@example.com") || !strings.Contains(a.Body, "sealed") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}
