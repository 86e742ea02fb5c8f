package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/ledger"
	"github.com/tripod-audit/tripod/internal/ledger/proof"
	"github.com/tripod-audit/tripod/internal/reading/readingtest"
)

// TestRecipe runs the script of docs/verify.md as an auditor would: it says verified of what verifies, names what was
// altered, and does not take what cannot be read for tampering.
func TestRecipe(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "jq", "xxd", "openssl", "base64", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the recipe needs %s", tool)
		}
	}
	doc, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, found := strings.Cut(string(doc), "```bash\n")
	script, _, ended := strings.Cut(script, "```")
	if !found || !ended {
		t.Fatal("docs/verify.md has no script")
	}
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("check-proof.sh", script)
	f := func(name, file, key string, code int, want string) {
		t.Helper()
		write("proof.json", file)
		write("ledger.pub", key)
		cmd := exec.Command("bash", "check-proof.sh", "proof.json", "ledger.pub")
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != code || !strings.Contains(string(out), want) {
			t.Errorf("%s: ended with %d, want %d and %q:\n%s", name, got, code, want, out)
		}
	}
	var records []*audit.Record
	for n := range 6 { // a tree whose right side has fewer levels
		at := time.Date(2026, 11, 3, 10, n, 0, 0, time.UTC)
		records = append(records, &audit.Record{Version: audit.SchemaVersion, ID: fmt.Sprint(n), Normaliser: "test/1", Source: audit.SourceOTelLog,
			Activity: audit.ActivityPrompt, Type: "user_prompt", Occurred: at, Observed: at, Recorded: at})
	}
	w := readingtest.Build(t, records...)
	key, err := ledger.ReadKey(w.Dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make([]proof.File, len(records))
	text := func(f proof.File) string {
		b, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for n := range files {
		file, err := w.Reader().ProofFile(t.Context(), uint64(n+1))
		if err != nil {
			t.Fatal(err)
		}
		files[n] = *file
		f(fmt.Sprint("record ", n+1), text(*file), key+"\n", 0, fmt.Sprintf("verified: leaf %d of %d", n, len(records)))
	}
	altered := func(change func(*proof.File)) string {
		file, p := files[4], *files[4].Proof
		file.Proof = &p
		change(&file)
		return text(file)
	}
	f("tombstone", altered(func(f *proof.File) {
		f.Proof.Salt, f.Proof.Canonical, f.Record = "", "", []byte(`{"seq":5,"tombstone":"erased"}`)
	}), key, 0, "no record stands here any more")
	f("bytes", altered(func(f *proof.File) { f.Proof.Canonical = files[3].Proof.Canonical }), key, 1, "NOT VERIFIED: salt and bytes give")
	f("another record", altered(func(f *proof.File) { f.Proof.TlogProof = files[3].Proof.TlogProof }), key, 1, "does not lead to the root")
	f("checkpoint", altered(func(f *proof.File) { f.Proof.TlogProof = strings.Replace(f.Proof.TlogProof, "\n6\n", "\n7\n", 1) }), key, 1, "NOT VERIFIED")
	f("another key", text(files[4]), strings.Replace(key, "+", "x+", 1), 1, "the key of")
	other := readingtest.Build(t)
	otherKey, err := ledger.ReadKey(other.Dir)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(key, "+")
	_, rest, _ := strings.Cut(otherKey, "+")
	f("another key of the name", text(files[4]), name+"+"+rest, 1, "is not signed by your key")
	f("empty", "", key, 3, "missing or empty")
	f("no key", text(files[4]), "", 3, "missing or empty")
	f("no proof", "{}", key, 3, "no .proof.commitment")
	f("no JSON", "no match\n", key, 3, "cannot read")
	f("bytes missing", altered(func(f *proof.File) { f.Proof.Canonical = "" }), key, 3, "no .proof.canonical")
	if bytes.Contains([]byte(script), []byte("\t")) {
		t.Error("the script has tabs, which a terminal completes when pasted")
	}
}
