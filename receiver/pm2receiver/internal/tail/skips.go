package tail

import (
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/admit"
)

const (
	// maxSkips bounds the files that are known not to be read.
	maxSkips = 4096
	// maxLogged is how many of them are logged in logAgain.
	maxLogged = 20
	logAgain  = 30 * time.Minute
)

// skips counts the files that may not be read and logs each once.
type skips struct {
	set *Settings

	mu     sync.Mutex
	known  map[string]admit.Reason
	wrong  []NotRead // of known, by the last review; it is not changed
	logged int
	since  time.Time
}

// met takes note of a file that may not be read, and reports whether err says so.
func (k *skips) met(err error) bool {
	r := admit.Refused(err)
	if r == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[r.Path] == r.Reason {
		return true
	}
	if len(k.known) >= maxSkips {
		clear(k.known)
	}
	k.known[r.Path] = r.Reason
	k.set.Meter.Skipped(r.Reason)
	if now := k.set.Now(); now.Sub(k.since) >= logAgain {
		k.since, k.logged = now, 0
	}
	switch k.logged++; {
	case k.logged <= maxLogged:
		k.set.Logger.Warn("log file is not read", zap.String("path", r.Path), zap.String("reason", string(r.Reason)), zap.Error(r))
	case k.logged == maxLogged+1:
		k.set.Logger.Warn("more log files are not read; the next ones are counted and not logged", zap.Duration("for", logAgain))
	}
	return true
}

// barred says whether the file at path is one that was found not to be readable by the
// rules, lately and unchanged.
func (s *stream) barred(at status) bool {
	return s.refused.inode != 0 && s.refused == at && s.set.Now().Sub(s.since) < rescan
}

// bar takes note of an error of opening the file at path.
func (s *stream) bar(at status, err error) {
	s.refused = status{}
	no := admit.Refused(err) != nil
	if no {
		s.refused, s.since = at, s.set.Now()
	}
	s.watch.barred.Store(no)
}

// disown gives up the files of a stream that this process turned out to write.
func (s *stream) disown() {
	for i := len(s.files) - 1; i >= 0; i-- {
		if m := s.files[i].mark; s.set.Own.Writes(m.Device, m.Inode) {
			s.drop(i)
		}
	}
}
