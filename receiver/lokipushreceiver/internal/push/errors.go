// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"errors"
	"fmt"
)

// What is wrong with a message in protobuf.
var (
	errTag       = errors.New("a field has no valid number")
	errVarint    = errors.New("a number is truncated or too long")
	errTruncated = errors.New("the message is truncated")
	errWireType  = errors.New("a field has another type than the message defines")
)

// What is wrong with JSON.
var (
	errSyntax   = errors.New("the JSON is not valid")
	errEnd      = errors.New("the JSON ends early")
	errTrailing = errors.New("there is data after the JSON")
	errControl  = errors.New("a string in JSON has a control character that is not escaped")
	errEscape   = errors.New("a string in JSON has an escape sequence that is not valid")
	errNumber   = errors.New("a number in JSON is not valid")
	errDepth    = fmt.Errorf("the JSON is nested more than %d levels deep", maxDepth)
)

// What is wrong with the content of a message in JSON.
var (
	errTop        = errors.New(`the request must be an object with "streams"`)
	errStreams    = errors.New(`"streams" must be an array`)
	errStream     = errors.New(`a stream must be an object with "stream" and "values"`)
	errLabels     = errors.New(`"stream" must be an object of labels`)
	errLabelText  = errors.New(`"labels" must be a string such as {app="x"}`)
	errValues     = errors.New(`"values" must be an array`)
	errEntries    = errors.New(`"entries" must be an array`)
	errValue      = errors.New(`an entry of "values" must be an array of timestamp, line and, if any, structured metadata`)
	errEntry      = errors.New(`an entry of "entries" must be an object with "ts" and "line"`)
	errTimestamp  = errors.New("a timestamp must be a string with nanoseconds since 1970, such as \"1700000000000000000\"")
	errTimeText   = errors.New(`"ts" must be a time such as "2023-11-14T22:13:20Z"`)
	errLine       = errors.New("a line must be a string")
	errMetadata   = errors.New("structured metadata must be an object")
	errTwice      = errors.New("a key occurs twice in an object")
	errTwoForms   = errors.New(`a stream has both "stream" and "labels"`)
	errNoLabels   = errors.New(`a stream has neither "stream" nor "labels"`)
	errNoLineTime = errors.New(`an entry needs both "ts" and "line"`)
)

// maxShownLabels is how many bytes of labels that cannot be parsed are in an error.
const maxShownLabels = 256

// LabelsText begins the error of labels that cannot be parsed, as that of Loki does.
const LabelsText = "Error parsing labels '"

// labelsError returns an error with the text that Loki has for labels that cannot be
// parsed.
func labelsError(labels []byte, err error) error {
	shown := labels
	if len(shown) > maxShownLabels {
		shown = shown[:maxShownLabels]
	}
	return fmt.Errorf(LabelsText+"%s' with error: %w", shown, err) //nolint:staticcheck // the text of Loki, which runbooks search for
}

// What is wrong with labels.
var (
	errBrace       = errors.New("labels must be in braces")
	errName        = errors.New("a label has no name, or one with characters other than letters, digits and underscores")
	errEquals      = errors.New("a label has no =")
	errQuote       = errors.New("the value of a label must be in quotes")
	errSeparator   = errors.New("labels must be separated by commas")
	errLabelEscape = errors.New("the value of a label has an escape sequence that is not valid")
)
