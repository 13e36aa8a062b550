package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// BodyLimits are the limits of one body.
type BodyLimits struct {
	// MaxCompressed bounds what arrives. Zero means 20 MiB.
	MaxCompressed int64
	// MaxDecoded bounds what it becomes. Zero means MaxCompressed.
	MaxDecoded int64
	// Encodings are those that are allowed, by the names of [Encodings]. Nil allows
	// all. A body without an encoding is always allowed.
	Encodings []string
}

const (
	defaultMaxBody = 20 << 20

	// mostBody is larger than any request that may be decoded, so that sums with a limit
	// do not overflow.
	mostBody = math.MaxInt32
)

func (l BodyLimits) withDefaults() BodyLimits {
	orDefault(&l.MaxCompressed, defaultMaxBody)
	orDefault(&l.MaxDecoded, l.MaxCompressed)
	l.MaxCompressed, l.MaxDecoded = min(l.MaxCompressed, mostBody), min(l.MaxDecoded, mostBody)
	return l
}

// ReadBody reads the body of req and decodes it as its Content-Encoding says. The
// body is read first and decoded then, so that a body that does not arrive holds
// no more than what has arrived of it. The result is valid until Release.
//
// Of w, ReadBody uses only what [http.ResponseController.SetReadDeadline] does.
func (r *Request) ReadBody(w http.ResponseWriter, req *http.Request, limits BodyLimits) ([]byte, error) {
	limits = limits.withDefaults()
	r.guard.conns.usedByHTTP(req, r.share)
	encoding, err := parseEncoding(req.Header.Values("Content-Encoding"))
	if err != nil || encoding != identity && limits.Encodings != nil && !slices.Contains(limits.Encodings, encoding.name()) {
		return nil, r.rejectWith(rejection.Encoding, unsupported(limits.Encodings))
	}
	most := limits.MaxCompressed
	if encoding == identity {
		most = min(most, limits.MaxDecoded)
	}
	raw, err := r.readAll(w, req, most)
	if err != nil {
		return nil, err
	}
	if encoding == identity {
		return raw.data, nil
	}
	decoded, err := r.decode(encoding, raw.data, limits.MaxDecoded)
	r.drop(raw)
	if err != nil {
		return nil, err
	}
	return decoded.data, nil
}

func unsupported(allowed []string) string {
	if allowed == nil {
		allowed = Encodings()
	}
	return "the Content-Encoding is not supported, send one of: identity, " + strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", ")
}

// readAll reads at most limit bytes into a buffer that grows as they arrive.
func (r *Request) readAll(w http.ResponseWriter, req *http.Request, limit int64) (*buffer, error) {
	if req.ContentLength > limit {
		return nil, r.tooLarge("body", limit)
	}
	b, err := r.buffer(minBuffer)
	if err != nil {
		return nil, err
	}
	if req.Body == nil || req.Body == http.NoBody {
		return b, nil
	}
	watch := r.watchUpload(w, req)
	defer watch.end()
	for {
		if len(b.data) == cap(b.data) {
			if b, err = r.grow(b, nextSize(int64(len(b.data)), req.ContentLength, limit)); err != nil {
				return nil, err
			}
		}
		watch.before()
		n, err := req.Body.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		watch.after(n)
		if int64(len(b.data)) > limit {
			return nil, r.tooLarge("body", limit)
		}
		switch {
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return nil, r.readError(req.Context(), err)
		}
	}
}

// nextSize returns how large a buffer of n bytes that is full becomes. It at most
// doubles, whatever the length that was announced. The last byte shows whether
// there is more than limit.
func nextSize(n, announced, limit int64) int64 {
	next := min(2*n, limit+1)
	if announced >= n && announced < next {
		next = announced + 1 // the byte more is for the end, so that it does not grow again
	}
	return next
}

func (r *Request) tooLarge(what string, limit int64) error {
	return r.rejectWith(rejection.TooLarge, fmt.Sprintf("the %s has more than %v", what, bytesize.Size(limit)))
}

// readError returns the answer to a body that did not arrive.
func (r *Request) readError(ctx context.Context, err error) error {
	tooLarge := (*http.MaxBytesError)(nil)
	var rejected *rejection.Error
	switch {
	case errors.As(err, &rejected):
		return r.Count(rejected)
	case errors.As(err, &tooLarge):
		return r.tooLarge("body", tooLarge.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return r.reject(rejection.Slow)
	case ctx.Err() != nil, errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, http.ErrBodyReadAfterClose), errors.Is(err, context.Canceled):
		return r.reject(rejection.Canceled)
	}
	return r.rejectWith(rejection.Malformed, "the body cannot be read")
}
