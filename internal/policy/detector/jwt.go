package detector

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
)

var jwtSet = setOf("A-Za-z0-9_.=-")

// token opens the window of what may be a JSON Web Token.
func (st *Stream) token(start int) {
	if st.leftEdge(start, true) {
		st.open(job{judge: judgeToken, set: jwtSet, start: start, limit: start + longest})
	}
}

func judgeToken(st *Stream, j job) {
	parts := bytes.SplitN(st.text(j.start, j.end), []byte("."), 4)
	if len(parts) < 2 || len(parts[0]) < 12 || len(parts[1]) < 8 || !bytes.HasPrefix(parts[1], []byte("eyJ")) && !encrypted(parts) || !jwtHeader(parts[0]) {
		return
	}
	if len(parts) > 2 && len(parts[2]) > 0 && len(parts[2]) < 20 {
		return // no signature is that short
	}
	end := j.start + len(parts[0]) + 1 + len(parts[1])
	if len(parts) > 2 {
		end += 1 + len(parts[2])
	}
	if len(parts) == 4 && encrypted(parts) {
		end = j.end
	}
	for st.at(end-1) == '.' {
		end--
	}
	st.found(FamilyCredential, "jwt", j.start, end)
}

// encrypted says whether the parts are those of an encrypted token, whose second is no JSON object.
func encrypted(parts [][]byte) bool {
	return len(parts) == 4 && bytes.Count(parts[3], []byte(".")) == 1
}

// jwtHeader says whether text decodes to a JSON object that names an algorithm.
func jwtHeader(head []byte) bool {
	text, err := base64.RawURLEncoding.DecodeString(string(bytes.TrimRight(head, "=")))
	if err != nil {
		return false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	return json.Unmarshal(text, &header) == nil && header.Algorithm != ""
}
