package detector

import (
	"cmp"
	"slices"
	"sync"
)

// The families of kinds.
const (
	FamilyCredential  = "credential"
	FamilyPersonal    = "personal"
	FamilyDictionary  = "dictionary"
	FamilyInvisible   = "invisible"
	FamilyInjection   = "injection"
	FamilyDestination = "destination"
)

// Finding says that a text holds something of a kind, and where.
type Finding struct {
	Detector   string // family, for example "credential"
	Kind       string // for example "aws_access_key"
	Start, End int    // bytes in the text that was given
}

// Name is the finding's family and kind as rules write them: "credential.aws_access_key".
func (f Finding) Name() string { return f.Detector + "." + f.Kind }

func compare(a, b Finding) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End), cmp.Compare(a.Detector, b.Detector), cmp.Compare(a.Kind, b.Kind))
}

// Kind describes one kind of thing that is found.
type Kind struct {
	Detector string // family
	Kind     string
	Title    string // in a few words, for people
}

// Name is the kind as rules write it: "credential.aws_access_key".
func (k Kind) Name() string { return k.Detector + "." + k.Kind }

// Set is a compiled configuration. It never changes and is safe for concurrent use.
type Set struct {
	rules   []*rule
	hosts   []*hostList
	encoded []encoded
	hashed  []hashed
	dicts   []Dictionary
	kinds   []Kind
	off     map[[2]string]bool // family and kind
	version string

	all     *dfa // every keyword
	certain *dfa // those of credentials that are certain by themselves; generic kinds yield to them
	ruled   *dfa // those of all credentials but what is only known by its name, which yields to them

	streams sync.Pool
}

// Version is a digest of the rules and the configuration: equal versions find the same in the same text.
func (s *Set) Version() string { return s.version }

// Kinds lists what the set can find, by family and kind.
func (s *Set) Kinds() []Kind { return slices.Clone(s.kinds) }

// piece is how much of a text Scan hands over at a time.
const piece = 32 << 10

// Scan returns what it finds in the text, ordered by beginning.
func (s *Set) Scan(text string) []Finding {
	st, _ := s.streams.Get().(*Stream)
	if st == nil {
		st = s.Stream()
	}
	for len(text) > 0 {
		n := min(len(text), piece)
		st.feed(text[:n])
		text = text[n:]
	}
	st.finish()
	found := st.take()
	st.reset(s.all)
	s.streams.Put(st)
	return found
}
