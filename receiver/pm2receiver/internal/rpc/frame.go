// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package rpc

import (
	"encoding/binary"
	"io"
)

// A message is a byte with the version and the number of arguments, followed by the length
// and the bytes of each argument. An argument begins with its type: "j:" is JSON, "s:" is
// text. The last one is the ID of the request, which the answer repeats.
const (
	version   = 1
	arguments = 2
	jsonMark  = "j:"

	call      = jsonMark + `{"type":"call","method":"getMonitorData","args":[{}]}`
	requestID = "s:otelcol:1"

	bufferSize = 16 << 10
)

// request returns the only message that this package sends.
func request() []byte {
	b := []byte{version<<4 | arguments}
	for _, arg := range []string{call, requestID} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(arg))) //nolint:gosec // both are short
		b = append(b, arg...)
	}
	return b
}

// readReply reads one message from r, using buf.
func readReply(r io.Reader, buf []byte, set Settings) (List, error) {
	s := &scanner{src: source{r: r, buf: buf, remaining: 1 + 4}}
	// The scanner may contain a secret of a process.
	defer clear(s.text[:])
	meta, err := s.src.next()
	if err != nil {
		return List{}, err
	}
	if meta != version<<4|arguments {
		return List{}, malformed("it is not a message with two arguments")
	}
	size, err := s.src.uint32()
	if err != nil {
		return List{}, err
	}
	if int64(size) > set.MaxReply {
		return List{}, &fault{ErrTooLarge, "the answer of PM2's daemon is too large"}
	}
	s.src.remaining = int64(size)
	if err := s.src.expect(jsonMark); err != nil {
		return List{}, err
	}
	list, err := s.reply(set.MaxProcesses)
	if err != nil {
		return List{}, err
	}
	if err := s.end(); err != nil {
		return List{}, err
	}
	s.src.remaining = 4
	if size, err = s.src.uint32(); err != nil {
		return List{}, err
	}
	if int(size) != len(requestID) {
		return List{}, malformed("it answers another request")
	}
	s.src.remaining = int64(size)
	if err := s.src.expect(requestID); err != nil {
		return List{}, err
	}
	return list, nil
}

func malformed(why string) error {
	return &fault{ErrMalformed, "the answer is not that of a PM2 daemon: " + why}
}

// source returns the bytes of a message one by one, at most remaining of them.
type source struct {
	r         io.Reader
	buf       []byte
	i, n      int
	remaining int64
}

// next returns the next byte of the argument.
func (s *source) next() (byte, error) {
	c, err := s.peek()
	if err == nil {
		s.i++
		s.remaining--
	}
	return c, err
}

// peek returns the next byte without taking it.
func (s *source) peek() (byte, error) {
	if s.remaining <= 0 {
		return 0, malformed("an argument ends too early")
	}
	for s.i == s.n {
		n, err := s.r.Read(s.buf)
		if n > 0 {
			s.i, s.n = 0, n
			break
		}
		if err != nil {
			return 0, readFault(err)
		}
	}
	return s.buf[s.i], nil
}

func (s *source) uint32() (n uint32, err error) {
	for range 4 {
		c, err := s.next()
		if err != nil {
			return 0, err
		}
		n = n<<8 | uint32(c)
	}
	return n, nil
}

// expect reads text, and returns an error for anything else.
func (s *source) expect(text string) error {
	for i := range len(text) {
		c, err := s.next()
		if err != nil {
			return err
		}
		if c != text[i] {
			return malformed("an argument is of another type")
		}
	}
	return nil
}
