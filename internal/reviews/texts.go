package reviews

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/content"
)

// Purpose is why texts of queries are opened, as grants say it.
const Purpose = "review of who looked"

// longest is how long the texts of queries stay open for one reading of the log.
const longest = time.Hour

// Texts opens the texts of queries, for one person, under a grant for those and nothing else.
type Texts struct {
	reader *content.Reader
	grant  content.Grant
}

// OpenTexts makes what opens texts for who. recorded must be nil only once it is on record that who looks (TypeOpen); it is
// called before each text is opened.
func OpenTexts(r *content.Reader, who string, recorded func(context.Context) error) (*Texts, error) {
	var containers []string
	for _, typ := range []string{"tripod.console.search", "tripod.console.open", "tripod.console.export", TypeOpen} {
		containers = append(containers, "tripod/"+typ)
	}
	grant, err := content.NewGrant(content.Terms{
		Purpose: Purpose, Who: who, Class: audit.ClassDetail, Containers: containers, Expires: time.Now().Add(longest),
		Record: func(ctx context.Context, _ content.Opening) error { return recorded(ctx) },
	})
	if err != nil {
		return nil, err
	}
	return &Texts{r, grant.For(audit.ClassDetail)}, nil
}

// fill puts the texts into looks. A nil Texts leaves them sealed.
func (t *Texts) fill(ctx context.Context, looks []Look) error {
	if t == nil {
		return nil
	}
	for i := range looks {
		l := &looks[i]
		if l.Query == nil || l.Query.State == StateWithheld {
			continue
		}
		ref := queryOf(l.item)
		text, err := t.reader.Open(ctx, t.grant, l.item.Container, content.Address(ref.Address))
		switch {
		case err == nil:
			l.Query.Text, l.Query.State = string(text), string(content.Held)
		case errors.Is(err, content.ErrErased):
			l.Query.State = string(content.Erased)
		case errors.Is(err, content.ErrMissing):
			l.Query.State = string(content.Missing)
		default:
			return fmt.Errorf("open the text of record %d: %w", l.Seq, err)
		}
	}
	return nil
}
