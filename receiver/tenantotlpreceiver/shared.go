package tenantotlpreceiver

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/receiver"
)

// factory remembers the receivers that live, because the collector asks for one
// per signal and they must listen on one port.
type factory struct {
	mu        sync.Mutex
	receivers map[*Config]*sharedReceiver
}

// receiver returns the receiver of the configuration.
func (f *factory) receiver(set receiver.Settings, cfg *Config) (*sharedReceiver, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r, ok := f.receivers[cfg]; ok {
		return r, nil
	}
	r, err := newReceiver(set, cfg)
	if err != nil {
		return nil, err
	}
	shared := &sharedReceiver{otlpReceiver: r, forget: func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.receivers, cfg)
	}}
	f.receivers[cfg] = shared
	return shared, nil
}

// sharedReceiver is one receiver that is started and shut down once for each of
// its signals.
type sharedReceiver struct {
	*otlpReceiver
	forget func()

	start, stop       sync.Once
	startErr, stopErr error
}

// Start implements component.Component.
func (s *sharedReceiver) Start(ctx context.Context, host component.Host) error {
	s.start.Do(func() { s.startErr = s.otlpReceiver.Start(ctx, host) })
	return s.startErr
}

// Shutdown implements component.Component.
func (s *sharedReceiver) Shutdown(ctx context.Context) error {
	s.stop.Do(func() {
		s.stopErr = s.otlpReceiver.Shutdown(ctx)
		s.forget()
	})
	return s.stopErr
}
