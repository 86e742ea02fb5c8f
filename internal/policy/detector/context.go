package detector

import (
	"bytes"
	"slices"
)

// context is what the words shortly before a number say of it.
type context struct {
	classes uint64 // that stand within contextReach
	last    int    // the class of the nearest word
	gap     int    // bytes between that word and the number
	far     bool   // there is another number between them
}

// The classes: what the words say a number is.
const (
	saysCard    = iota
	saysNothing // order numbers, times, sizes: not what they look like
	saysPhone
	saysBirth
	saysSSN
	saysNPI
	saysMBI
	saysSIN
	saysSteuerID
	saysAusweis
	saysKVNR
	saysNHS
	saysBSN
	saysPersonnummer
	saysCPR
	saysSVNR
	saysPESEL
	saysNIF
	saysCPF
	saysTFN
	saysMedicareAU
	saysAadhaar
	saysPANIndia
	saysPPS
	saysPassport
	saysMRN
	saysICD
	saysRRN
	saysID // an identifier of a thing, for all we know
)

// contextWords are the words of each class, in lower case, found as whole words.
var contextWords = [...][]string{
	saysCard: {"card", "credit", "visa", "mastercard", "amex", "kreditkarte", "karte", "carte", "tarjeta", "card_number", "cardnumber", "cc"},
	saysNothing: {"order", "order_id", "orderid", "tracking", "invoice", "ticket", "timestamp", "ts", "bestellung", "bestellnummer", "sendung", "sendungsnummer", "commande", "pedido", "serial", "imei", "sku",
		"isbn", "ean", "gtin", "build", "snowflake", "message_id", "trace_id", "span_id", "duration", "bytes", "offset", "pid", "nonce", "revision", "version", "artikel",
		"section", "chapter", "clause", "figure", "table", "paragraph", "appendix", "release", "upgrade", "request_id", "tweet", "transaction", "rechnung", "part", "case", "seq", "job"},
	saysPhone: {"phone", "tel", "telephone", "mobile", "cell", "fax", "call", "telefon", "handy", "mobil", "téléphone", "portable", "teléfono", "móvil", "telefono", "cellulare",
		"telefoon", "phone_number", "phonenumber", "whatsapp", "sms", "rufnummer", "telefonnummer"},
	saysBirth: {"born", "birth", "dob", "d.o.b", "birthday", "birthdate", "date_of_birth", "birth_date", "geboren", "geburtsdatum", "geb", "né le", "née le", "naissance", "nacimiento",
		"nato il", "nata il", "nascita", "geboortedatum"},
	saysSSN:          {"ssn", "social security", "social_security", "social security number", "socialsecuritynumber", "ssn_last", "tin", "itin"},
	saysNPI:          {"npi", "national provider identifier", "provider id", "provider_id"},
	saysMBI:          {"mbi", "medicare", "beneficiary"},
	saysSIN:          {"sin", "social insurance", "social insurance number", "nas"},
	saysSteuerID:     {"steuer-id", "steuerid", "steuer_id", "idnr", "steuerliche identifikationsnummer", "identifikationsnummer", "steueridentifikationsnummer", "tax id", "tax_id", "tin_de", "steuernummer"},
	saysAusweis:      {"personalausweis", "ausweis", "ausweisnummer", "personalausweisnummer", "id card", "id_card", "identity card"},
	saysKVNR:         {"kvnr", "krankenversichertennummer", "versichertennummer", "krankenversichertennr", "health insurance"},
	saysNHS:          {"nhs", "nhs number", "nhs_number", "nhs no", "nhsnumber"},
	saysBSN:          {"bsn", "burgerservicenummer", "sofinummer"},
	saysPersonnummer: {"personnummer", "personnr", "pnr", "samordningsnummer"},
	saysCPR:          {"cpr", "cpr-nummer", "cpr-nr", "cpr_number", "personnummer_dk"},
	saysSVNR:         {"svnr", "sv-nummer", "sozialversicherungsnummer", "versicherungsnummer", "svnummer", "sv-nr"},
	saysPESEL:        {"pesel"},
	saysNIF:          {"nif", "contribuinte", "número de contribuinte"},
	saysCPF:          {"cpf", "cadastro de pessoas"},
	saysTFN:          {"tfn", "tax file number", "tax_file_number"},
	saysMedicareAU:   {"medicare card", "medicare no", "medicare number", "medicare_number", "medicare_no"},
	saysAadhaar:      {"aadhaar", "aadhar", "uidai"},
	saysPANIndia:     {"pan", "permanent account number", "pan_number", "pan card", "income tax"},
	saysPPS:          {"pps", "ppsn", "pps number", "pps_number"},
	saysPassport:     {"passport", "passport number", "passport_number", "passport no", "reisepass", "reisepassnummer", "passnummer", "passeport", "pasaporte", "passaporto", "paspoort"},
	saysMRN: {"mrn", "medical record", "medical record number", "medical_record_number", "patient id", "patient_id", "patientid", "patient no", "patient number", "patientennummer", "fallnummer",
		"patienten-id", "chart number", "nip"},
	saysICD: {"icd", "icd-10", "icd10", "icd-10-cm", "icd-10-gm", "icd_code", "icd10_code", "diagnosis", "diagnoses", "diagnose", "diagnosis_code", "diagnosecode", "dx:", "dx code", "dx codes", "diagnóstico"},
	saysRRN: {"rrn", "resident registration"},
	saysID:  {"id", "ids", "uid", "uuid", "gid", "key", "hash", "number of", "count", "size", "total"},
}

func (c context) has(class int) bool { return c.classes&(1<<class) != 0 }

// says tells whether the nearest word is of a class.
func (c context) says(class int) bool { return c.classes != 0 && c.last == class }

// contradicts says whether a word right before the number says that it is of another class than these.
func (c context) contradicts(classes ...int) bool {
	return c.classes != 0 && c.gap <= 16 && !slices.Contains(classes, c.last)
}

// next says whether the nearest word is of a class and stands right before the number, as in "MRN: 123" or "mrn is #123".
func (c context) next(class int) bool { return c.says(class) && c.gap <= 16 && !c.far }

// before gathers what whole words at most contextReach bytes before a position say.
func (st *Stream) before(pos int) context {
	var c context
	nearest := 0
	for i := st.said - 1; i >= 0 && i >= st.said-len(st.nearby); i-- {
		s := st.nearby[i%len(st.nearby)]
		if s.end < pos-contextReach {
			break
		}
		if s.end > pos || letter(st.at(s.start-1)) || letter(st.at(s.end)) {
			continue
		}
		if s.class == saysNothing && (pos-s.end > 24 || bytes.IndexByte(st.text(s.end, pos), '\n') >= 0) {
			continue
		}
		// Words that overlap the nearest one say as much as it does: the longest of them decides ("medicare", "medicare card").
		if c.classes == 0 || s.start < nearest && s.end > nearest {
			c.last = int(s.class)
		}
		if c.classes == 0 {
			nearest, c.gap, c.far = s.start, pos-s.end, count(st.text(s.end, pos), digit) > 0
		}
		c.classes |= 1 << s.class
	}
	return c
}
