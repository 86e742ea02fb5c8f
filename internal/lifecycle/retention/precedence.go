package retention

// Claims are what is said about one thing that is kept.
type Claims struct {
	Held      bool // a legal hold covers it
	Statutory bool // a law asks for it to be kept, still
	Erasure   bool // its erasure is ordered
	Expired   bool // the period of its class is over
	Preferred bool // somebody would like it gone, or kept, without any of these
}

// Ground is what decided.
type Ground string

// The grounds, from the strongest to the weakest.
const (
	GroundHold       Ground = "hold"
	GroundStatutory  Ground = "statutory"
	GroundErasure    Ground = "erasure"
	GroundRetention  Ground = "retention"
	GroundPreference Ground = "preference"
)

// Judge says whether something goes, and on which ground: hold before statutory period before erasure before retention before
// preference. A preference destroys nothing: where nobody ordered an erasure and no period is over, it stays.
func Judge(c Claims) (destroy bool, ground Ground) {
	switch {
	case c.Held:
		return false, GroundHold
	case c.Statutory:
		return false, GroundStatutory
	case c.Erasure:
		return true, GroundErasure
	case c.Expired:
		return true, GroundRetention
	}
	return false, GroundPreference
}
