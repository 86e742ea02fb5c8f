package archtest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tripod-audit/tripod"

type pkg struct {
	ImportPath string
	Dir        string
	Standard   bool
	Imports    []string
	Deps       []string
	GoFiles    []string
}

func (p pkg) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// own lists the imports of a package that are Tripod's own, without the module path.
func (p pkg) own() []string {
	var list []string
	for _, i := range p.Imports {
		if rest, ok := strings.CutPrefix(i, module+"/"); ok {
			list = append(list, rest)
		}
	}
	return list
}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Standard,Imports,Deps,GoFiles", module+"/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func matches(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		prefix, sub := strings.CutSuffix(p, "/...")
		return name == prefix || sub && strings.HasPrefix(name, prefix+"/")
	})
}

// sameComponent reports whether two packages are parts of one component: internal/collect/otlp and all below it.
func sameComponent(a, b string) bool {
	depth := 2
	if strings.HasPrefix(a, "internal/collect/") || strings.HasPrefix(a, "internal/enforce/") || strings.HasPrefix(a, "internal/simulate/") {
		depth = 3
	}
	root := func(name string) string {
		parts := strings.Split(name, "/")
		return strings.Join(parts[:min(depth, len(parts))], "/")
	}
	return root(a) == root(b)
}

// TestDependencyRule holds the direction of the flow: ways in → journal → views. Each row says who may import what of
// Tripod's own packages, and why.
func TestDependencyRule(t *testing.T) {
	base := []string{"internal/audit", "internal/secret", "internal/health"}
	truth := append([]string{"internal/journal", "internal/content", "internal/keyring", "internal/ledger", "internal/intake/..."}, base...)
	rules := []struct {
		who     []string
		may     []string
		because string
	}{
		{base, nil, "everybody imports them, so they import the standard library only"},
		{[]string{"internal/keyring"}, base, "keys know nothing of what they protect"},
		{[]string{"internal/journal"}, base, "the journal is the truth and depends on nobody"},
		{[]string{"internal/content"}, append([]string{"internal/keyring"}, base...), "content is stored before records and knows none"},
		{[]string{"internal/ledger/proof", "internal/ledger/tiles"}, base, "proofs and tiles are checked by who has no journal"},
		{[]string{"internal/ledger"}, append([]string{"internal/journal"}, base...), "the ledger follows the journal"},
		{[]string{"internal/intake/capture"}, base, "the capture policy decides by the record alone"},
		{[]string{"internal/intake"}, truth, "the door puts content and records away"},
		{[]string{"internal/erasure"}, truth, "an erasure goes through the door, the content store and the journal"},
		{[]string{"internal/access"}, base, "who may do what is told by roles alone"},
		{[]string{"internal/access/..."}, append([]string{"internal/access", "internal/acts"}, truth...), "sign-ins and cases decide by their own acts and hand those to the door"},
		{[]string{"internal/acts"}, append([]string{"internal/viewfile"}, truth...), "decisions rest on acts in the journal and are made durable through the door"},
		{[]string{"internal/lifecycle/countdown"}, append([]string{"internal/reading", "internal/search", "internal/organisation"}, truth...),
			"what disappears elsewhere is told by what reading and the views know of it"},
		{[]string{"internal/lifecycle/..."}, append([]string{"internal/access", "internal/acts", "internal/erasure"}, truth...), "holds and retention decide by their own acts and have erasure destroy"},
		{[]string{"internal/backup/..."}, append([]string{"internal/erasure", "internal/ledger/..."}, truth...), "a backup copies the truth and erases again what was erased since"},
		{[]string{"internal/policy/..."}, base, "policy judges what it is given, whoever asks and whatever becomes of it"},
		{[]string{"internal/credential"}, base, "who presents a credential is told by what it is alone, at whichever door"},
		{[]string{"internal/enforce/caller"}, append([]string{"internal/credential"}, base...), "who calls is told by connection and header alone"},
		{[]string{"internal/enforce/..."}, append([]string{"internal/enforce/caller", "internal/credential", "internal/policy/..."}, truth...), "ways in that can stop something ask policy, and who calls; they know neither each other nor any view"},
		{[]string{"internal/collect/..."}, append([]string{"internal/credential"}, truth...), "ways in know neither each other nor any view"},
		{[]string{"internal/search/...", "internal/correlate/...", "internal/detect/...", "internal/forward/...", "internal/coverage/...",
			"internal/evidence/...", "internal/subject/...", "internal/organisation/..."}, append([]string{"internal/viewfile"}, truth...), "views know neither each other nor any way in"},
		{[]string{"internal/alert/..."}, append([]string{"internal/access", "internal/acts", "internal/forward", "internal/forward/webhook"}, truth...),
			"the outbox of alerts decides by its own acts and hands on with what every way out hands on with; which view fires it does not know"},
		{[]string{"internal/reading/readingtest"}, append([]string{"internal/reading", "internal/search/...", "internal/correlate", "internal/organisation", "internal/detect", "internal/viewfile"}, truth...),
			"data directories for tests are made of the real parts"},
		{[]string{"internal/reading"}, append([]string{"internal/journal", "internal/ledger", "internal/ledger/proof", "internal/search", "internal/correlate", "internal/organisation", "internal/detect"}, base...),
			"answers are joined from the truth and the views, whatever implements them, and nothing is written"},
		{[]string{"internal/timeline"}, append([]string{"internal/search", "internal/correlate"}, base...),
			"a session's timeline is made of records and discrepancies alone, for pages, terminals and reports alike"},
		{[]string{"internal/viewfile"}, append([]string{"internal/journal"}, base...), "a view's file follows the journal, whatever the view"},
		{[]string{"internal/reviews"}, append([]string{"internal/reading", "internal/export", "internal/search", "internal/organisation", "internal/acts", "internal/access/casebook"}, truth...),
			"who looked is told by what reading finds of own acts, and by what those of cases amount to"},
		{[]string{"internal/wording"}, base, "a record is put into words by what it says alone"},
		{[]string{"internal/export"}, append([]string{"internal/reading", "internal/search"}, base...), "an export is what reading finds, written down"},
		{[]string{"internal/console/consoletest"}, append([]string{"internal/access/...", "internal/acts", "internal/alert", "internal/erasure", "internal/lifecycle/...", "internal/reading", "internal/search/...", "internal/correlate", "internal/organisation", "internal/detect", "internal/viewfile"}, truth...),
			"the bench of the console's tests puts the real parts together"},
		{[]string{"internal/console/..."}, append([]string{"internal/access/...", "internal/alert", "internal/lifecycle/...", "internal/reading", "internal/export", "internal/search", "internal/correlate", "internal/organisation", "internal/detect", "internal/timeline", "internal/wording", "internal/reviews"}, truth...),
			"the console asks access who may, lifecycle what is kept, reading and the views what there is, and hands its own acts to the door"},
		{[]string{"internal/simulate/modelclient"}, append([]string{"internal/simulate/world", "internal/simulate/messagesapi"}, base...),
			"what the world's model answers is told by the simulated Messages API; neither knows what stands between them"},
		{[]string{"internal/simulate/..."}, append([]string{"internal/simulate/world"}, base...),
			"a simulated outside system shows its part of the world and must not know what it is tested against"},
	}
	parents := []string{"internal/search", "internal/forward"}
	for _, p := range packages(t) {
		for _, r := range rules {
			if !matches(p.name(), r.who) {
				continue
			}
			for _, imported := range p.own() {
				if !matches(imported, r.may) && !sameComponent(p.name(), imported) {
					t.Errorf("%s imports %s: %s", p.name(), imported, r.because)
				}
			}
			break
		}
		for _, imported := range p.own() {
			if strings.HasPrefix(imported, p.name()+"/") && slices.Contains(parents, p.name()) {
				t.Errorf("%s imports %s: implementations import their parent, never the reverse", p.name(), imported)
			}
		}
		if p.name() != "internal/app" && !strings.HasPrefix(p.name(), "cmd/") && !strings.HasPrefix(p.name(), "bench/") &&
			p.name() != "docs/screenshots" && slices.ContainsFunc(p.own(), func(i string) bool { return i == "internal/app" || i == "internal/config" }) {
			t.Errorf("%s imports app or config: those import packages, never the reverse", p.name())
		}
	}
}

// TestStandardLibraryOnly keeps the packages that everybody imports free of anybody else's code.
func TestStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if !matches(p.name(), []string{"internal/audit", "internal/secret", "internal/health"}) {
			continue
		}
		for _, d := range p.Imports {
			if first, _, _ := strings.Cut(d, "/"); strings.Contains(first, ".") {
				t.Errorf("%s imports %s: it may use the standard library only", p.name(), d)
			}
		}
	}
}

// TestOneHome keeps each heavy dependency in one place.
func TestOneHome(t *testing.T) {
	homes := []struct {
		dependency string
		allowed    []string
		why        string
	}{
		{"google.golang.org/grpc", []string{"internal/collect/otlp/...", "internal/simulate/...", "bench/...", "e2e/..."}, "gRPC is how OTLP comes in"},
		{"go.opentelemetry.io/collector/pdata", []string{"internal/collect/otlp/...", "internal/simulate/...", "bench/...", "e2e/..."}, "OTLP is decoded in one place"},
		{"github.com/alecthomas/kong", []string{"cmd/tripod"}, "only the command line parses flags"},
		{"github.com/goccy/go-yaml", []string{"internal/config", "internal/policy/...", "internal/detect/sigma", "internal/detect/rules"}, "the configuration and rule files are YAML, nothing else is"},
		{"cel.dev/cel-go", []string{"internal/policy"}, "conditions are compiled in one place"},
	}
	for _, p := range packages(t) {
		for _, h := range homes {
			for _, i := range p.Imports {
				if (i == h.dependency || strings.HasPrefix(i, h.dependency+"/")) && !matches(p.name(), h.allowed) {
					t.Errorf("%s imports %s: %s", p.name(), i, h.why)
				}
			}
		}
	}
}

// TestForbidden names what must not be linked into the program at all.
func TestForbidden(t *testing.T) {
	for _, p := range packages(t) {
		if p.name() != "cmd/tripod" {
			continue
		}
		for _, d := range p.Deps {
			if strings.HasPrefix(d, "github.com/google/go-cmp") || strings.HasPrefix(d, "github.com/rogpeppe") ||
				strings.HasPrefix(d, "github.com/transparency-dev") || strings.HasPrefix(d, "github.com/zitadel") || d == "testing" {
				t.Errorf("cmd/tripod links %s, which is for tests", d)
			}
		}
	}
}

// mayOpen are the packages that make grants of the content store: people's under a case, and those of reviewers for the texts of
// queries. No view opens content by itself.
var mayOpen = []string{"../../internal/access/casebook/", "../../internal/reviews/"}

// TestWhoOpensContent keeps every other way to content shut.
func TestWhoOpensContent(t *testing.T) {
	for _, path := range sourceFiles(t) {
		allowed := slices.ContainsFunc(mayOpen, func(dir string) bool { return strings.HasPrefix(filepath.ToSlash(path), dir) })
		if allowed || strings.HasSuffix(path, "_test.go") || strings.Contains(filepath.ToSlash(path), "test/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "NewGrant" {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "content" {
					t.Errorf("%s makes a grant of the content store: content opens under a case, by package casebook", path)
				}
			}
			return true
		})
	}
}

func sourceFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("found no Go files")
	}
	return files
}

// TestSize keeps files readable in one sitting.
func TestSize(t *testing.T) {
	const most = 600
	fset := token.NewFileSet()
	for _, path := range sourceFiles(t) {
		f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if lines := fset.File(f.Pos()).LineCount(); lines > most {
			t.Errorf("%s has %d lines, more than %d: which concept wants a file of its own?", path, lines, most)
		}
	}
}

// TestMainIsThin keeps the program out of main.go.
func TestMainIsThin(t *testing.T) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "../../cmd/tripod/main.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if lines := fset.File(f.Pos()).LineCount(); lines >= 60 {
		t.Errorf("cmd/tripod/main.go has %d lines; one file per command, and main under 60", lines)
	}
}

// TestPackageComments wants every package to say what it promises. Packages with state say so in these words.
func TestPackageComments(t *testing.T) {
	names := []string{"util", "common", "helpers", "models", "manager"}
	for _, p := range packages(t) {
		if slices.Contains(names, filepath.Base(p.Dir)) {
			t.Errorf("%s: a package is named for what it is, not %q", p.name(), filepath.Base(p.Dir))
		}
		if len(p.GoFiles) == 0 {
			continue
		}
		if doc := packageComment(t, p); doc == "" {
			t.Errorf("%s has no package comment: say what it is and what it promises about durability, order and concurrency", p.name())
		} else if strings.HasPrefix(p.name(), "internal/") && !strings.Contains(strings.ToLower(doc), "concurren") {
			t.Errorf("%s: the package comment does not say what is safe for concurrent use", p.name())
		}
	}
}

func packageComment(t *testing.T, p pkg) string {
	t.Helper()
	var doc strings.Builder
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		if f.Doc != nil {
			doc.WriteString(f.Doc.Text())
		}
	}
	return doc.String()
}

// TestNoInit keeps registration by side effect out: app names implementations, nobody registers.
func TestNoInit(t *testing.T) {
	for _, path := range sourceFiles(t) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function: wire it in internal/app", path)
			}
		}
	}
}
