package attack

import (
	"bytes"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	_ "modernc.org/sqlite"
)

// databaseValues are all values of a database, unpacked where they are compressed.
func databaseValues(t *testing.T, path string) (list [][]byte) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	for _, table := range column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table'`) {
		rows, err := db.Query(`SELECT * FROM "` + strings.ReplaceAll(table, `"`, `""`) + `"`)
		if err != nil {
			t.Fatalf("%s %s: %v", path, table, err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, to := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				to[i] = &values[i]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			for _, v := range values {
				switch x := v.(type) {
				case []byte:
					list = append(list, x)
					if i := bytes.Index(x, []byte{0x28, 0xb5, 0x2f, 0xfd}); i >= 0 && i < 16 { // the magic number of a zstd frame (RFC 8878)
						if plain, err := unpack.DecodeAll(x[i:], nil); err == nil {
							list = append(list, plain)
						}
					}
				case string:
					list = append(list, []byte(x))
				case nil:
				default:
					list = append(list, fmt.Append(nil, x))
				}
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	return list
}

func column(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
