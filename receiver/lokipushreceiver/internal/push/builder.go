// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package push

import (
	"encoding/hex"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/xpdata"
)

const (
	// MaxLabels is how many labels of a stream are kept. Loki's own default limit is 15.
	MaxLabels = 128
	// MaxMetadata is how many entries of structured metadata are kept. Loki's own default
	// limit is 128.
	MaxMetadata = 256
)

// Names of attributes, and of the labels that become them.
const (
	serviceName      = "service.name"
	serviceNameLabel = "service_name"

	// truncatedAttribute marks a record whose line was cut. Its value is the length of the
	// line.
	truncatedAttribute = "loki.line.original_length"
	// timestampAttribute has the timestamp of an entry that OTLP cannot express.
	timestampAttribute = "loki.timestamp"
)

// What a part of the records holds in memory, with the growth of slices.
const (
	sizeOfStream    = 1000
	sizeOfRecord    = 240
	sizeOfAttribute = 80
	sizeOfPointer   = 8

	reserveStep = 32 << 10
)

// Settings are what a [Builder] is made of.
type Settings struct {
	// MaxLineSize is the most bytes of a line; 0 means no limit. Longer lines are cut.
	MaxLineSize int

	// Arrived is the time of the request.
	Arrived pcommon.Timestamp

	// Reserve is called before the records hold n more bytes. Its error, which is a
	// [rejection.Error], ends the request.
	Reserve func(n int64) error
}

// Result is what a request became.
type Result struct {
	Logs    plog.Logs
	Records int
	Streams int // with or without entries

	CutLines          int
	DroppedAttributes int // labels and structured metadata
	RepairedLabelSets int
	InvalidTimestamps int
}

// Builder makes log records of the streams of one request. It belongs to one goroutine.
type Builder struct {
	set    Settings
	texts  arena
	labels labelParser
	result Result

	streams    map[string]*stream // by their labels as they are in the request
	metadata   pairs              // of the entry
	attributes xpdata.MapBuilder  // of a map, which itself looks for each new name among all others
	unreserved int64              // bytes that are not reserved yet
}

// stream is a set of labels of the request.
type stream struct {
	records plog.LogRecordSlice
	level   level
}

// NewBuilder returns a builder of records for a request with a body of size bytes.
func NewBuilder(set Settings, size int) (*Builder, error) {
	b := &Builder{set: set, streams: make(map[string]*stream)}
	b.result.Logs = plog.NewLogs()
	b.texts.reserve = set.Reserve
	b.labels = labelParser{texts: &b.texts, labels: pairs{most: MaxLabels}}
	b.metadata.most = MaxMetadata
	if err := set.Reserve(int64(size)); err != nil {
		return nil, err
	}
	b.texts.chunk.Grow(size)
	return b, nil
}

// Finish returns the records. The builder must not be used after it.
func (b *Builder) Finish() (Result, error) {
	b.result.RepairedLabelSets = b.labels.repaired
	return b.result, b.set.Reserve(b.unreserved)
}

// reserve counts n bytes of the records.
func (b *Builder) reserve(n int) error {
	b.unreserved += int64(n)
	if b.unreserved < reserveStep {
		return nil
	}
	unreserved := b.unreserved
	b.unreserved = 0
	return b.set.Reserve(unreserved)
}

// streamOf returns the stream with the labels that raw encodes, which read sets.
func (b *Builder) streamOf(raw []byte, read func() error) (*stream, error) {
	if s, ok := b.streams[string(raw)]; ok {
		return s, nil
	}
	if err := read(); err != nil {
		return nil, err
	}
	labels := &b.labels.labels
	if err := b.reserve(sizeOfStream + len(raw) + (len(labels.list)+1)*sizeOfAttribute); err != nil {
		return nil, err
	}
	s := &stream{level: levelOfLabels(labels.list)}
	b.streams[string(raw)] = s
	logs := b.result.Logs.ResourceLogs().AppendEmpty()
	logs.Resource().SetDroppedAttributesCount(uint32(labels.dropped)) //nolint:gosec // below the size of a body
	b.result.DroppedAttributes += labels.dropped
	b.setResource(logs.Resource().Attributes(), labels.list)
	s.records = logs.ScopeLogs().AppendEmpty().LogRecords()
	return s, nil
}

// setResource sets the attributes of a resource, which has none, to the labels of a stream.
func (b *Builder) setResource(attrs pcommon.Map, labels []pair) {
	b.attributes.EnsureCapacity(len(labels) + 1)
	service := ""
	for _, l := range labels {
		if l.name == serviceNameLabel || l.name == serviceName {
			service = l.value
			continue
		}
		b.attributes.AppendEmpty(l.name).SetStr(l.value)
	}
	if service == "" {
		service = discoverService(labels)
	}
	b.attributes.AppendEmpty(serviceName).SetStr(service)
	b.attributes.UnsafeIntoMap(attrs)
}

// entry is what an entry of a stream has besides its structured metadata.
type entry struct {
	seconds, nanos int64 // since 1970
	line           string
}

// add adds an entry with the structured metadata in b.metadata.
func (b *Builder) add(s *stream, e *entry) error {
	metadata, line := b.metadata.list, e.line
	t, expressible := timestamp(e.seconds, e.nanos)
	marks := 0
	if !expressible {
		marks++
	}
	if most := b.set.MaxLineSize; most > 0 && len(line) > most {
		marks++
		line = cut(line, most)
	}
	if err := b.reserve(sizeOfRecord + (len(metadata)+marks)*sizeOfAttribute); err != nil {
		return err
	}
	record := s.records.AppendEmpty()
	b.result.Records++
	record.SetObservedTimestamp(b.set.Arrived)
	record.Body().SetStr(line)
	l := s.level
	if len(metadata) > 0 {
		l = levelOfMetadata(metadata, l)
		b.setMetadata(record, metadata, marks)
	}
	// The marks come last, because metadata may have their names.
	if expressible {
		record.SetTimestamp(t)
	} else {
		b.result.InvalidTimestamps++
		record.Attributes().PutStr(timestampAttribute, formatTime(e.seconds, e.nanos))
	}
	if len(line) < len(e.line) {
		b.result.CutLines++
		record.Attributes().PutInt(truncatedAttribute, int64(len(e.line)))
	}
	if b.metadata.dropped > 0 {
		record.SetDroppedAttributesCount(uint32(b.metadata.dropped)) //nolint:gosec // below the size of a body
		b.result.DroppedAttributes += b.metadata.dropped
	}
	if !l.found() {
		l = levelOfLine(line)
	}
	l.set(record)
	return nil
}

// setMetadata sets the attributes and the trace of a record, which has no attributes, to
// structured metadata, with space for more attributes.
func (b *Builder) setMetadata(record plog.LogRecord, metadata []pair, more int) {
	b.attributes.EnsureCapacity(len(metadata) + more)
	for _, m := range metadata {
		switch m.name {
		case "trace_id":
			var id pcommon.TraceID
			if isID(id[:], m.value) {
				record.SetTraceID(id)
				continue
			}
		case "span_id":
			var id pcommon.SpanID
			if isID(id[:], m.value) {
				record.SetSpanID(id)
				continue
			}
		}
		b.attributes.AppendEmpty(m.name).SetStr(m.value)
	}
	b.attributes.UnsafeIntoMap(record.Attributes())
}

// isID decodes an ID in hexadecimal digits, in the form in which OTLP's readers write it.
func isID(id []byte, text string) bool {
	if len(text) != 2*len(id) {
		return false
	}
	nonzero := byte(0)
	for i := range len(text) {
		if 'A' <= text[i] && text[i] <= 'F' {
			return false
		}
		nonzero |= text[i] ^ '0'
	}
	_, err := hex.Decode(id, []byte(text))
	return err == nil && nonzero != 0
}

const nanosPerSecond = 1_000_000_000

// timestamp returns a time that OTLP can express, which is one from 1970 to 2262.
func timestamp(seconds, nanos int64) (pcommon.Timestamp, bool) {
	const most = 1<<63 - 1
	if seconds < -4 || seconds > most/nanosPerSecond || nanos < -4*nanosPerSecond || nanos > 4*nanosPerSecond {
		return 0, false
	}
	whole := seconds * nanosPerSecond
	if nanos > 0 && whole > most-nanos || whole+nanos < 0 {
		return 0, false
	}
	return pcommon.Timestamp(whole + nanos), true
}

// formatTime returns a time as an attribute has it: seconds and nanoseconds.
func formatTime(seconds, nanos int64) string {
	return strconv.FormatInt(seconds, 10) + "s" + strconv.FormatInt(nanos, 10) + "ns"
}

// cut returns at most n bytes of a text that is valid UTF-8, and no half of a rune.
func cut(text string, n int) string {
	for n > 0 && text[n]&0xc0 == 0x80 {
		n--
	}
	return text[:n]
}
