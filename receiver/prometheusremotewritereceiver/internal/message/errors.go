// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package message

import (
	"errors"
	"fmt"
)

// What is wrong with the encoding of a message.
var (
	errTag       = errors.New("a field has no valid number")
	errVarint    = errors.New("a number is truncated or too long")
	errTruncated = errors.New("the message is truncated")
	errWireType  = errors.New("a field has another type than the message defines")
)

// What is wrong with the content of a message.
var (
	errNoSymbols   = errors.New(`symbols must begin with ""`)
	errSymbol      = errors.New("a reference is not in symbols")
	errOddRefs     = errors.New("labels_refs must have an even number of references")
	errUTF8        = errors.New("a text is not valid UTF-8")
	errNoName      = errors.New("a series has no __name__ label")
	errLabelName   = errors.New("a label has no name")
	errSorted      = errors.New("labels must be sorted by name")
	errDuplicate   = errors.New("a label occurs twice in a series")
	errNothing     = errors.New("a series has no sample, histogram or exemplar")
	errBoth        = errors.New("a series has both samples and histograms")
	errTimestamp   = errors.New("a timestamp is outside of 1970 to 2262")
	errSpans       = errors.New("the spans of a histogram do not fit its buckets")
	errBucketIndex = errors.New("a bucket of a histogram is outside of the range of its schema")
	errBucketCount = errors.New("a bucket of a histogram has a negative count")
	errBounds      = errors.New("the custom values of a histogram must increase")
	errCustom      = errors.New("a histogram with custom buckets has a zero bucket or negative buckets")
	errCount       = errors.New("the count of a histogram is not the sum of its buckets")
	errMixed       = errors.New("a histogram has both integer and float counts")
)

var (
	errManyLabels = fmt.Errorf("a series has more than %d labels", MaxLabels)
	errSchema     = fmt.Errorf("a histogram has a schema other than %d to %d and %d", MinSchema, MaxSchema, CustomBuckets)
)
