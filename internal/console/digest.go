package console

import (
	"slices"

	"github.com/tripod-audit/tripod/internal/access"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/console/page"
	"github.com/tripod-audit/tripod/internal/reviews"
)

// digestsShown is how many weeks the list of digests goes back.
const digestsShown = 26

// digests lists the weeks.
func (v *visit) digests() error {
	made, err := reviews.Made(v.r.Context(), v.deps.Reader, digestsShown)
	if err != nil {
		return err
	}
	this := reviews.WeekOf(v.deps.Now())
	return v.print("digests", v.frame("Weekly digests", "reviews", v.cli("reviews", "digest")), page.Digests{This: this, Made: made})
}

// week reads the week of an address.
func (v *visit) week() (reviews.Week, error) {
	w, err := reviews.ParseWeek(v.r.PathValue("week"))
	if err != nil {
		return w, invalid(err.Error())
	}
	if w.Begin().After(v.deps.Now()) {
		return w, notFound("This week has not begun.", "Digests are of weeks that are over; of the present one there is what is known so far.")
	}
	return w, nil
}

// opensDigest tells a privacy officer who reads the digest of a week that is over from any other reader: it asks to be
// read by one.
func (v *visit) opensDigest() (opening, error) {
	w, err := v.week()
	if err != nil {
		return opening{}, err
	}
	o := opening{typ: reviews.TypeOpen, page: "reviews.digest", attrs: audit.Attrs{audit.TextAttr("week", w.String())}}
	if v.person().Has(access.PrivacyOfficer) && !v.deps.Now().Before(w.End()) {
		o.typ = reviews.TypeRead
	}
	return o, nil
}

func (v *visit) digest() error {
	w, err := v.week()
	if err != nil {
		return err
	}
	d, err := (&reviews.Log{Reader: v.deps.Reader}).Digest(v.r.Context(), w)
	if err != nil {
		return err
	}
	if unseen := v.unseen(); unseen != nil {
		d.Cases = slices.DeleteFunc(d.Cases, func(c reviews.CaseLine) bool { return unseen(c.Case) })
		d.BreakGlass = slices.DeleteFunc(d.BreakGlass, func(b reviews.BreakGlass) bool { return unseen(b.Case) })
	}
	if d.Behind < worthAWord { // this look is among it
		d.Behind = 0
	}
	p := page.Digest{Digest: d, Over: !v.deps.Now().Before(w.End())}
	for _, k := range reviews.Kinds() {
		if n := d.Acts[k]; n > 0 {
			p.Counts = append(p.Counts, page.DigestCount{Name: page.KindName(k), N: n, URL: page.ReviewsURL(k, d.From, d.Until)})
		}
	}
	if next := w.Next(); !next.Begin().After(v.deps.Now()) {
		p.Next = next.String()
	}
	p.Previous = w.Previous().String()
	return v.print("digest", v.frame("Digest of "+w.String(), "reviews", v.cli("reviews", "digest", "--week="+w.String())), p)
}
