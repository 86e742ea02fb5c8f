package detector

// numberKinds are the kinds of numbers by how many letters stand before the first digit; the more certain ones come first.
var numberKinds = [...][]numberKind{
	0: {
		{"card", "payment card", card},
	},
	1: {},
	2: {
		{"iban", "international bank account number (IBAN)", iban},
	},
}

// builtin lists the kinds that no file and no configuration describes.
func builtin() []Kind {
	kinds := []Kind{
		{FamilyPersonal, "email", "e-mail address"},
	}
	for _, list := range numberKinds {
		for _, k := range list {
			kinds = append(kinds, Kind{FamilyPersonal, k.kind, k.title})
		}
	}
	return kinds
}
