package bearerkeyauthextension

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
	"github.com/otelcol-tenant/otelcol-tenant/internal/recovery"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

// keyUseInterval is how often the file is written if a key has been used. Keys
// keep the minute of their use, so more often would say nothing new.
const keyUseInterval = time.Minute

// lastUses are the minutes in which keys were used last, by tenant and key ID.
type lastUses map[tenant.ID]map[string]time.Time

// keyUse remembers when keys were used last, also when the registry changes and
// the gateway restarts. Requests note their use in the key, which is part of a
// snapshot; here it is collected. What a request notes in the moment in which its
// snapshot is replaced may be lost, which costs a key that goes on being used
// nothing. Keys that leave the registry are forgotten.
type keyUse struct {
	cfg      KeyUseConfig
	logger   *zap.Logger
	interval time.Duration

	mu       sync.Mutex
	snapshot *tenant.Snapshot // whose keys are in use
	earlier  lastUses         // what was noted before snapshot, and at the last collection

	saved       []byte
	readErr     error // the file is somebody else's: it is not written
	unsubscribe func()
	stop        context.CancelFunc
	running     sync.WaitGroup
}

func newKeyUse(cfg KeyUseConfig, logger *zap.Logger) *keyUse {
	return &keyUse{cfg: cfg, logger: logger, interval: keyUseInterval, earlier: lastUses{}}
}

func (u *keyUse) start(registry tenant.Registry, recoverer *recovery.Recoverer) {
	if u.cfg.File == "" && !u.cfg.Metric {
		return
	}
	if u.cfg.File != "" {
		if err := u.read(); err != nil {
			u.readErr = err
			u.logger.Error("key_use::file: it cannot be read and stays as it is; keys' last use is not saved", zap.Error(err))
		}
	}
	u.unsubscribe = registry.Subscribe(u.change)
	ctx, stop := context.WithCancel(context.Background())
	u.stop = stop
	recoverer.Keep(ctx.Done(), &u.running, "saving keys' last use", func() { u.keep(ctx) })
}

// read takes what a former run has written. A file that holds something else is
// an error, because it may be there for another reason.
func (u *keyUse) read() error {
	raw, err := os.ReadFile(u.cfg.File)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(raw) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var earlier lastUses
	if err := json.Unmarshal(raw, &earlier); err != nil {
		return fmt.Errorf("%s was not written by this extension: %w", u.cfg.File, err)
	}
	if earlier != nil {
		u.earlier = earlier
	}
	return nil
}

// change is called with every new snapshot.
func (u *keyUse) change(snapshot *tenant.Snapshot) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.collect()
	u.snapshot = snapshot
}

// collect brings earlier up to date and drops keys that are not in the snapshot.
// Before the first snapshot it leaves what a former run has written.
func (u *keyUse) collect() {
	if u.snapshot == nil {
		return
	}
	now := lastUses{}
	for key := range u.snapshot.Keys() {
		id := key.Tenant().ID
		last := u.earlier[id][key.ID]
		if at := key.LastUse(); at.After(last) {
			last = at
		}
		if last.IsZero() {
			continue
		}
		if now[id] == nil {
			now[id] = map[string]time.Time{}
		}
		now[id][key.ID] = last
	}
	u.earlier = now
}

// uses returns what is known. It must not be changed.
func (u *keyUse) uses() lastUses {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.collect()
	return u.earlier
}

// keep writes the file until ctx ends. It reports each change from success to
// failure once.
func (u *keyUse) keep(ctx context.Context) {
	tick := time.NewTicker(u.interval)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := u.save()
		if err != nil && !failed {
			u.logger.Error("key_use::file: it cannot be written, a restart forgets when keys were used", diskspace.Fault(u.cfg.File, err)...)
		}
		failed = err != nil
	}
}

// save writes what is known unless the file says it already.
func (u *keyUse) save() error {
	if u.cfg.File == "" || u.readErr != nil {
		return nil
	}
	raw, err := json.MarshalIndent(u.uses(), "", "  ")
	if err != nil {
		return err
	}
	if raw = append(raw, '\n'); string(raw) == string(u.saved) {
		return nil
	}
	if err := atomicfile.Write(u.cfg.File, raw); err != nil {
		return err
	}
	u.saved = raw
	return nil
}

// close writes last. It returns no error, which would end a collector that is asked
// to read its configuration again.
func (u *keyUse) close() {
	if u.stop == nil {
		return
	}
	u.stop()
	u.running.Wait()
	u.unsubscribe()
	if err := u.save(); err != nil {
		u.logger.Error("key_use::file: it cannot be written, when keys were used last is forgotten", zap.Error(err))
	}
}

func (u *keyUse) observe(_ context.Context, o metric.Int64Observer) error {
	for id, keys := range u.uses() {
		for key, at := range keys {
			o.Observe(at.Unix(), metric.WithAttributes(attribute.String("tenant", string(id)), attribute.String("key", key)))
		}
	}
	return nil
}
