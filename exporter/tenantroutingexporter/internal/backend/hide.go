package backend

import (
	"bytes"
	"strings"

	"google.golang.org/grpc/status"
)

// minHidden is the length from which the value of a header is taken for a secret.
// Shorter ones would blank out common words.
const minHidden = 8

// hiddenParts returns what must not be shown of a header's value: the whole of it,
// and what comes after a scheme such as Bearer.
func hiddenParts(value string) (parts [][]byte) {
	_, credentials, _ := strings.Cut(value, " ")
	for _, part := range []string{value, strings.TrimSpace(credentials)} {
		if len(part) >= minHidden {
			parts = append(parts, []byte(part))
		}
	}
	return parts
}

// hide returns answer with asterisks for what was sent in headers, since backends
// quote a token that they refuse, and answers get into logs and dead letters. The
// length stays, so that an encoded message can still be read.
func (f *filled) hide(answer []byte) []byte {
	for _, secret := range f.hidden {
		// What has been blanked out is not looked at again: a token may be of asterisks.
		answer = bytes.ReplaceAll(answer, secret, bytes.Repeat([]byte{'*'}, len(secret)))
	}
	return answer
}

// hideIn does the same with the message of a gRPC error.
func (f *filled) hideIn(err error) error {
	st := status.Convert(err).Proto()
	st.Message = string(f.hide([]byte(st.GetMessage())))
	return status.FromProto(st).Err()
}
