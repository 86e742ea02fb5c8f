// Package page is what the console's pages look like: templates, the view models they print, and the assets they refer to
// (styles, scripts, all embedded). It knows nothing of requests, so that reports can be printed with the same templates.
//
// What a record says is data of strangers. Templates print it through the functions of this package (shown, plain), which
// keep it inert: markup is escaped, reading direction isolated, control and format characters are made visible, long
// values are cut. No template has an inline script or style, since the console's content security policy forbids them.
//
// It stores nothing and has no order to keep. A Renderer never changes once made and is safe for concurrent use.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"
)

//go:embed templates
var templateFiles embed.FS

// Frame is what every page shows around its own part.
type Frame struct {
	Title   string // of the page, without the product's name
	Section string // entry of the navigation that is current: NavItem.Section, or ""
	Now     time.Time
	Version string
	Who     string // who is signed in; "" where nobody is, and the page then has no navigation
	Roles   string // of who is signed in, in words
	Nav     []NavItem
	Glass   []Glass // broken, for who must review it
	CSRF    string  // token of the forms that change something
	CLI     string  // the command that shows the same, "" for none
	// Last and Signed say where journal and ledger stood: the newest position, and up to where a checkpoint is signed.
	Last, Signed uint64
}

// NavItem is one entry of the navigation.
type NavItem struct {
	Section, Name, URL string
	Badge, BadgeKind   string // a count beside the name, "" for none; kind is "bad", "warn" or ""
}

// view is what the layout is executed with: the page's own part sees all of it.
type view struct {
	Frame
	Page any
}

// Renderer prints pages.
type Renderer struct {
	pages  map[string]*template.Template
	assets *Assets
}

// New parses all templates; the error can only be a mistake of the build.
//
// templates/layout.tmpl and templates/part_*.tmpl are shared. Every other file is one page, named as the file is: it
// defines "main", and may define "head" (links to styles and scripts of its own) and templates that Fragment prints.
func New() (*Renderer, error) {
	assets, err := newAssets()
	if err != nil {
		return nil, err
	}
	shared, err := template.New("layout.tmpl").Funcs(funcs(assets)).ParseFS(templateFiles, "templates/layout.tmpl", "templates/part_*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	r := &Renderer{pages: make(map[string]*template.Template), assets: assets}
	files, err := fs.Glob(templateFiles, "templates/*.tmpl")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".tmpl")
		if name == "layout" || strings.HasPrefix(name, "part_") {
			continue
		}
		set, err := shared.Clone()
		if err == nil {
			set, err = set.ParseFS(templateFiles, file)
		}
		if err != nil {
			return nil, fmt.Errorf("parse template %s: %w", file, err)
		}
		r.pages[name] = set
	}
	return r, nil
}

// Assets are the styles and scripts the pages refer to.
func (r *Renderer) Assets() *Assets { return r.assets }

// Page prints a whole page. Nothing is written unless all of it could be printed.
func (r *Renderer) Page(w io.Writer, name string, f Frame, data any) error {
	return r.execute(w, name, "layout.tmpl", view{f, data})
}

// Fragment prints one template of a page's file, as what a browser puts into a page it already shows. Its dot is data.
func (r *Renderer) Fragment(w io.Writer, page, name string, data any) error {
	return r.execute(w, page, name, data)
}

func (r *Renderer) execute(w io.Writer, page, name string, dot any) error {
	set := r.pages[page]
	if set == nil {
		return fmt.Errorf("print page: no template %q", page)
	}
	var b bytes.Buffer
	if err := set.ExecuteTemplate(&b, name, dot); err != nil {
		return fmt.Errorf("print page %s: %w", page, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
