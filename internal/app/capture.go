package app

import (
	"context"
	"fmt"

	"github.com/tripod-audit/tripod/internal/audit"
	"github.com/tripod-audit/tripod/internal/intake"
	"github.com/tripod-audit/tripod/internal/intake/capture"
)

// typeCapture is the record of another capture policy in force: before and after are digests, the rules are content of
// class detail.
const typeCapture = "tripod.capture.change"

// captureCursor holds the digest of the capture policy that was last in force.
const captureCursor = "capture.policy"

// recordCapture puts on record that the capture policy in force is not the one that was before, wherever it was changed, and
// at whose order it is in force now.
func (a *App) recordCapture(ctx context.Context, by audit.Identity) error {
	if a.truth.Refused != nil {
		return nil
	}
	was, err := a.truth.Journal.Cursor(ctx, captureCursor)
	if err != nil {
		return fmt.Errorf("read which capture policy was in force: %w", err)
	}
	now := a.inForce.Load().Capture
	before, after := string(was), now.Digest()
	if before == "" {
		before = capture.Config{}.Digest()
	}
	if before == after {
		return nil
	}
	_, err = a.truth.Door.Record(ctx, intake.Act{
		Type: typeCapture, Activity: audit.ActivitySettingChange, Account: by,
		Attributes: audit.Attrs{audit.TextAttr("before", before), audit.TextAttr("after", after), audit.CountAttr("rules", int64(len(now.Rules)))},
		Pieces:     []intake.Piece{{Name: "rules", Class: audit.ClassDetail, Kind: audit.KindString, Value: []byte(now.Words())}},
	}, map[string][]byte{captureCursor: []byte(after)})
	if err != nil {
		return fmt.Errorf("record %s: %w", typeCapture, err)
	}
	return nil
}
