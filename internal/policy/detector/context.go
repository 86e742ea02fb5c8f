package detector

// context is what the words shortly before a number say of it.
type context struct {
	classes uint64 // that stand within contextReach
	last    int    // the class of the nearest word
	gap     int    // bytes between that word and the number
}

// The classes: what the words say a number is.
const (
	saysCard    = iota
	saysNothing // order numbers, times, sizes: not what they look like
)

// contextWords are the words of each class, in lower case, found as whole words.
var contextWords = [...][]string{
	saysCard:    {"card", "credit", "visa", "mastercard", "amex", "kreditkarte", "karte", "carte", "tarjeta", "pan"},
	saysNothing: {"order", "tracking", "invoice", "ticket", "timestamp", "bestellung", "sendung", "commande", "serial", "imei", "sku", "isbn", "ean", "gtin", "build", "snowflake"},
}

func (c context) has(class int) bool { return c.classes&(1<<class) != 0 }

// says tells whether the nearest word is of a class.
func (c context) says(class int) bool { return c.classes != 0 && c.last == class }

// next says whether the nearest word is of a class and stands right before the number, as in "MRN: 123" or "mrn is #123".
func (c context) next(class int) bool { return c.says(class) && c.gap <= 16 }

// before gathers what whole words at most contextReach bytes before a position say.
func (st *Stream) before(pos int) context {
	var c context
	for i := st.said - 1; i >= 0 && i >= st.said-len(st.nearby); i-- {
		s := st.nearby[i%len(st.nearby)]
		if s.end < pos-contextReach {
			break
		}
		if s.end > pos || letter(st.at(s.start-1)) || letter(st.at(s.end)) {
			continue
		}
		if c.classes == 0 {
			c.last, c.gap = int(s.class), pos-s.end
		}
		c.classes |= 1 << s.class
	}
	return c
}
