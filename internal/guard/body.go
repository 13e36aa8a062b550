// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

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
	"github.com/otelcol-tenant/otelcol-tenant/internal/guard/capacity"
	"github.com/otelcol-tenant/otelcol-tenant/internal/rejection"
)

// BodyLimits are the limits of one body. Values above 2 GiB mean 2 GiB.
type BodyLimits struct {
	// MaxCompressed is the most bytes that a body may have as sent. Zero means 20 MiB.
	MaxCompressed int64
	// MaxDecoded is the most bytes of the decompressed body. Zero means MaxCompressed.
	MaxDecoded int64
	// Encodings lists the allowed encodings, by the names of [Encodings]. Nil allows all. A
	// body without an encoding is always allowed.
	Encodings []string
	// Hint ends the text of the rejection of a body that is not valid in its encoding.
	Hint string
}

const (
	defaultMaxBody = 20 << 20

	// maxBody bounds the limits, so that sums with them do not overflow. No request that
	// large can be decoded.
	maxBody = math.MaxInt32
)

func (l BodyLimits) withDefaults() BodyLimits {
	orDefault(&l.MaxCompressed, defaultMaxBody)
	orDefault(&l.MaxDecoded, l.MaxCompressed)
	l.MaxCompressed, l.MaxDecoded = min(l.MaxCompressed, maxBody), min(l.MaxDecoded, maxBody)
	return l
}

// ReadBody reads the body of req and decompresses it according to its Content-Encoding. It
// reads the whole body before it decompresses, so that an incomplete body holds no more memory
// than has arrived. The result is valid until Release.
//
// ReadBody uses w only for [http.ResponseController.SetReadDeadline].
func (r *Request) ReadBody(w http.ResponseWriter, req *http.Request, limits BodyLimits) ([]byte, error) {
	limits = limits.withDefaults()
	r.guard.conns.usedByHTTP(req, r.account)
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
	decoded, err := r.decompress(encoding, raw.data, limits)
	r.drop(raw)
	if err != nil {
		return nil, err
	}
	return decoded.data, nil
}

// unsupported returns the text for an encoding that is not allowed.
func unsupported(allowed []string) string {
	if allowed == nil {
		allowed = Encodings()
	}
	return "the Content-Encoding is not supported, send one of: identity, " + strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", ")
}

// readAll reads a body of at most limit bytes into a buffer that grows as they arrive.
func (r *Request) readAll(w http.ResponseWriter, req *http.Request, limit int64) (*buffer, error) {
	if req.ContentLength > limit {
		return nil, r.tooLarge("body", limit)
	}
	b, err := r.buffer(capacity.MinBuffer)
	if err != nil {
		return nil, err
	}
	if req.Body == nil || req.Body == http.NoBody {
		return b, nil
	}
	deadline := r.newUploadDeadline(w, req)
	defer deadline.end()
	for {
		if len(b.data) == cap(b.data) {
			if b, err = r.grow(b, capacity.NextSize(int64(len(b.data)), req.ContentLength, limit)); err != nil {
				return nil, err
			}
		}
		deadline.before()
		n, err := req.Body.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		deadline.after(n)
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

// tooLarge counts and returns the rejection of a body over limit.
func (r *Request) tooLarge(what string, limit int64) error {
	return r.rejectWith(rejection.TooLarge, fmt.Sprintf("the %s has more than %v", what, bytesize.Size(limit)))
}

// readError counts and returns the rejection of a body that could not be read.
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
