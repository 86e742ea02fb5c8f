package acts_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/tripod-audit/tripod/internal/acts"
	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
)

// TestSeal: whatever somebody writes to the file of positions, while a process runs or between two, every act counts at the
// next start, and the file is mended.
func TestSeal(t *testing.T) {
	t.Parallel()
	key := acts.Key{1, 2, 3}
	want := []string{"tripod.case.open", "tripod.case.close", "tripod.hold.set"}
	for what, statement := range map[string]string{
		"an act taken out":          `DELETE FROM acts WHERE seq = 3`,
		"the last act taken out":    `DELETE FROM acts WHERE seq = 4`,
		"all taken out":             `DELETE FROM acts`,
		"and the seal with them":    `DELETE FROM acts; DELETE FROM seal`,
		"an act put in":             `INSERT INTO acts VALUES (1, 0)`,
		"another moved":             `UPDATE acts SET seq = 9 WHERE seq = 4`,
		"more pretended to be read": `DELETE FROM acts WHERE seq = 4; UPDATE cursor SET position = 3; UPDATE cursor SET position = 4`,
		"another's seal":            `UPDATE seal SET mac = x'00'`,
		"a later time":              `UPDATE seal SET high = high + 1`,
		"a clock set back":          `UPDATE acts SET back = 1 WHERE seq = 3`,
		"no table":                  `DROP TABLE seal`,
		"nothing":                   `SELECT 1`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			ctx, s := context.Background(), newSpine(t)
			for _, typ := range []string{"tripod.serve.start", "tripod.case.open", "tripod.case.close", "tripod.hold.set"} {
				if _, err := s.door.Record(ctx, intake.Act{Type: typ, Activity: audit.ActivityOperation}, nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := acts.Rebuild(ctx, s.dir, key, s.journal.Reader(), nil); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", acts.Path(s.dir))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(ctx, statement); errors.Join(err, db.Close()) != nil {
				t.Fatal(err)
			}
			for _, k := range []acts.Key{key, {9}} {
				got := new(types)
				if _, err := acts.Load(ctx, s.dir, k, s.journal.Reader(), got); err != nil || !slices.Equal(got.got, want) {
					t.Errorf("%v, %v", got.got, err)
				}
			}
			if what == "no table" {
				return // serve discards what is no view, as it does with every other
			}
			f, err := acts.OpenFile(ctx, acts.Path(s.dir), key, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			at, err := f.Position(ctx)
			if want := uint64(0); what == "nothing" && at != 4 || what != "nothing" && at != want || err != nil {
				t.Errorf("the file stands at %d, %v", at, err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
