package storagecheckextension

import (
	"fmt"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/condition"
)

// asideHold is for how long after the start it is a condition that files were set aside.
// Longer, it would hide what else goes wrong.
const asideHold = time.Hour

// findings returns that files were set aside. None is after the start.
func (s *storageCheck) findings(now time.Time) []condition.Finding {
	if len(s.aside) == 0 || now.Sub(s.started) >= asideHold {
		return nil
	}
	return []condition.Finding{{
		Name: condition.StorageDamaged, Since: s.started,
		Message: fmt.Sprintf("%d queue or checkpoint files were set aside: %s", len(s.aside), condition.Paths(s.aside)),
	}}
}
