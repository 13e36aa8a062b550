package tail

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

// Decoder turns the blocks of one stream into records, in their order:
// [decode.Decoder] those of an application's files.
type Decoder interface {
	Decode(block []byte, src decode.Source, base int64, now time.Time, full func(plog.Logs)) (plog.Logs, decode.Stats)
	Flush(src decode.Source, now time.Time, everything bool) (plog.Logs, decode.Stats)
	Pending() bool
	// Held is about how many bytes State has.
	Held() int
	State() decode.State
	Restore(state decode.State)
}
