package detector

// numberKinds are the kinds of numbers by how many letters stand before the first digit; the more certain ones come first.
var numberKinds = [...][]numberKind{
	0: {
		{"uk_nino", "national insurance number, United Kingdom", ninoSpaced},
		{"date_of_birth", "date of birth", birth},
		{"cn_resident_id", "resident identity number, China", residentCN},
		{"fr_nir", "social security number (NIR), France", nir},
		{"kr_rrn", "resident registration number, Korea", rrn},
		{"us_ssn", "social security number, United States", ssn},
		{"us_itin", "individual taxpayer identification number, United States", itin},
		{"us_npi", "national provider identifier, United States", npi},
		{"us_mbi", "Medicare beneficiary identifier, United States", mbi},
		{"ca_sin", "social insurance number, Canada", sin},
		{"de_tax_id", "tax identification number, Germany", steuerID},
		{"uk_nhs", "NHS number, United Kingdom", nhs},
		{"nl_bsn", "citizen service number (BSN), Netherlands", bsn},
		{"es_dni", "identity number (DNI), Spain", dni},
		{"se_personnummer", "personal identity number, Sweden", personnummer},
		{"dk_cpr", "personal identification number (CPR), Denmark", cpr},
		{"fi_hetu", "personal identity code, Finland", hetu},
		{"ch_ahv", "social security number (AHV), Switzerland", ahv},
		{"at_svnr", "social insurance number, Austria", svnr},
		{"pl_pesel", "PESEL number, Poland", pesel},
		{"pt_nif", "tax number (NIF), Portugal", nif},
		{"br_cpf", "register of persons (CPF), Brazil", cpf},
		{"au_tfn", "tax file number, Australia", tfn},
		{"au_medicare", "Medicare card number, Australia", medicareAU},
		{"in_aadhaar", "Aadhaar number, India", aadhaar},
		{"ie_pps", "personal public service number, Ireland", pps},
		{"be_national_number", "national number, Belgium", rijksregister},
		{"no_fodselsnummer", "birth number, Norway", fodselsnummer},
		{"medical_record_number", "medical record number", mrn},
		{"passport", "passport number", passport},
		{"card", "payment card", card},
		{"phone", "telephone number", phone},
	},
	1: {
		{"es_nie", "identity number of a foreigner (NIE), Spain", nie},
		{"sg_nric", "identity number (NRIC, FIN), Singapore", nric},
		{"de_health_id", "health insurance number (KVNR), Germany", kvnr},
		{"de_id_card", "identity card number, Germany", ausweis},
		{"medical_record_number", "medical record number", mrn},
		{"passport", "passport number", passport},
		{"icd10", "diagnosis (ICD-10 code)", icd10},
	},
	2: {
		{"iban", "international bank account number (IBAN)", iban},
		{"uk_nino", "national insurance number, United Kingdom", nino},
		{"de_id_card", "identity card number, Germany", ausweis},
		{"medical_record_number", "medical record number", mrn},
		{"passport", "passport number", passport},
	},
	3: {
		{"de_id_card", "identity card number, Germany", ausweis},
		{"medical_record_number", "medical record number", mrn},
	},
	4: {
		{"mx_curp", "population registry code (CURP), Mexico", curp},
		{"de_id_card", "identity card number, Germany", ausweis},
	},
	5: {
		{"in_pan", "permanent account number, India", panIndia},
		{"de_id_card", "identity card number, Germany", ausweis},
	},
	6: {
		{"it_codice_fiscale", "fiscal code, Italy", codiceFiscale},
	},
}

// builtin lists the kinds that code knows: no file and no configuration describes.
func builtin() []Kind {
	kinds := []Kind{
		{FamilyPersonal, "email", "e-mail address"},
		{FamilyCredential, "jwt", "JSON Web Token"},
		{FamilyCredential, "private_key", "private key (PEM, OpenSSH)"},
		{FamilyCredential, "pgp_private_key", "PGP private key"},
		{FamilyCredential, "password", "password under its name"},
		{FamilyCredential, "secret", "key or token under its name"},
		{FamilyCredential, "url_password", "password in a URL"},
		{FamilyInvisible, "zero_width", "characters without width inside words, or many of them"},
		{FamilyInvisible, "bidi_control", "characters that turn the direction of text"},
		{FamilyInvisible, "tag_characters", "tag characters, which carry text nobody sees"},
		{FamilyInvisible, "variation_selectors", "variation selectors in a row, which carry text nobody sees"},
		{FamilyInvisible, "confusable", "letter of another script inside a Latin word"},
		{FamilyDestination, "url", "URL of another machine"},
		{FamilyDestination, "host", "host a command talks to"},
		{FamilyDestination, "ip", "IPv4 address of another machine"},
		{FamilyDestination, "onion", "address in the Tor network"},
	}
	seen := map[string]bool{}
	for _, list := range numberKinds {
		for _, k := range list {
			if !seen[k.kind] {
				kinds = append(kinds, Kind{FamilyPersonal, k.kind, k.title})
			}
			seen[k.kind] = true
		}
	}
	return kinds
}
