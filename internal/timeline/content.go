package timeline

import "github.com/tripod-audit/tripod/internal/audit"

// Sum counts pieces of content and their bytes.
type Sum struct {
	Pieces int
	Bytes  int64
}

func (s *Sum) add(bytes int) {
	s.Pieces++
	s.Bytes = plus(s.Bytes, int64(bytes))
}

// Content says what content belongs to something: what was kept when it came, and what was not and why. A piece that
// several records refer to counts once. What was erased since is not known here.
type Content struct {
	Detail, Text Sum // held, by class
	Policy       Sum // withheld: the capture policy keeps less
	Source       Sum // withheld: the source sent a placeholder
	Truncated    int // held pieces that were cut at a bound of ours
}

// Held is what is held of both classes.
func (c *Content) Held() Sum {
	return Sum{c.Detail.Pieces + c.Text.Pieces, plus(c.Detail.Bytes, c.Text.Bytes)}
}

// tally sums up content, each block once.
type tally struct {
	Content
	seen map[string]struct{}
}

func (t *tally) add(r *audit.Record) {
	for i := range r.Content {
		c := &r.Content[i]
		switch {
		case c.Withheld == audit.WithheldSource:
			t.Source.add(c.Bytes)
		case c.Withheld != "":
			t.Policy.add(c.Bytes)
		case c.Address != "" && !t.known(c.Address):
			if c.Truncated {
				t.Truncated++
			}
			if c.Class == audit.ClassText {
				t.Text.add(c.Bytes)
			} else {
				t.Detail.add(c.Bytes)
			}
		}
	}
}

func (t *tally) known(address string) bool {
	if _, ok := t.seen[address]; ok {
		return true
	}
	if t.seen == nil {
		t.seen = make(map[string]struct{})
	}
	t.seen[address] = struct{}{}
	return false
}
