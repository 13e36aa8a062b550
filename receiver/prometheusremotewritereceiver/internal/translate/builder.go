// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package translate

import (
	"errors"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/memory"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/prometheusremotewritereceiver/internal/message"
)

// Labels and names with a meaning.
const (
	jobLabel      = "job"
	instanceLabel = "instance"
	scopePrefix   = "otel_scope_"
	targetInfo    = "target_info"
)

// Resource attributes.
const (
	serviceNamespace = "service.namespace"
	serviceName      = "service.name"
	serviceInstance  = "service.instance.id"
)

// What a part of the metrics holds in memory, with the growth of slices.
const (
	sizeOfResource  = 900
	sizeOfScope     = 400
	sizeOfName      = 200
	sizeOfMetric    = 700
	sizeOfPoint     = 200
	sizeOfHistogram = 400
	sizeOfAttribute = 56
	sizeOfExemplar  = 200

	reserveStep = 32 << 10
)

// ErrTooLarge is the error of a message whose metrics have more text than they may. A
// message that refers to a long text often is small, and large once the metrics are encoded.
var ErrTooLarge = errors.New("the metrics of the message have too much text")

// Written is what a message had that is in the metrics or in the memory of its tenant.
type Written struct{ Samples, Histograms, Exemplars int }

// Builder makes metrics of the series of one message. It belongs to one goroutine.
type Builder struct {
	remembered *memory.Tenant
	reserveNow func(n int64) error

	metrics pmetric.Metrics
	result  Result

	resourceOfTarget map[memory.Target]int32
	scopeOfLabels    map[string]int32 // by resource and labels
	nameOfSeries     map[nameKey]int32
	groupOfKey       map[groupKey]int32

	// What the maps have the indexes of.
	resources []resource
	scopes    []pmetric.ScopeMetrics
	names     []name
	groups    []group

	last int32 // resource, or none

	unreserved int64 // bytes that are not reserved yet
	textLeft   int64 // bytes of text that the metrics may still get
	scratch    []byte
	pending    []memory.Pending
	attrs      []message.Label // of the series, without those of the resource and the scope
	ofScope    []message.Label
}

// none is no index.
const none = -1

// resource is a job and an instance of the message.
type resource struct {
	target  memory.Target
	metrics pmetric.ResourceMetrics
	scope   int32 // of series without labels of a scope, or none
}

type nameKey struct {
	name string
	typ  message.Type
}

// name is a metric name of the message with what is known of its family.
type name struct {
	key  nameKey
	meta message.Metadata
	kind kind // of samples

	// The last group of samples, and its scope, or none.
	scope, group int32
}

// Result is what a message became.
type Result struct {
	Metrics pmetric.Metrics
	Written Written

	// Earlier are the exemplars that waited before the message, which Metrics may have
	// too. They must wait again if Metrics is not accepted. If it is, Missing must wait:
	// those that found no sample, of earlier messages and this one.
	Earlier, Missing []memory.Pending

	Rounded int // histograms that lost fractions of their counts
	Reduced int // histograms that lost resolution
}

// Finish returns the metrics. The builder must not be used after it.
func (b *Builder) Finish() Result {
	b.attachPending()
	for i := range b.resources {
		r := &b.resources[i]
		r.identify(b.remembered.Target(r.target))
	}
	b.result.Metrics = b.metrics
	return b.result
}

// reserve counts n bytes of the metrics.
func (b *Builder) reserve(n int) error {
	b.unreserved += int64(n)
	if b.unreserved < reserveStep {
		return nil
	}
	unreserved := b.unreserved
	b.unreserved = 0
	return b.reserveNow(unreserved)
}

// text counts n bytes of text that the metrics get, as often as they get it: encoded, they
// have a copy each time.
func (b *Builder) text(n int) error {
	if b.textLeft -= int64(n); b.textLeft < 0 {
		return ErrTooLarge
	}
	return b.reserve(n)
}

// Add adds a series. It keeps the texts of the series and nothing else of it.
func (b *Builder) Add(s *message.Series) error {
	target := b.split(s)
	points := len(s.Samples) + len(s.Histograms)
	// Before anything reads the texts.
	if err := b.text(len(s.Name) + sizeOfLabels(s.Labels)*max(points, 1)); err != nil {
		return err
	}
	for i := range s.Exemplars {
		if err := b.text(sizeOfLabels(s.Exemplars[i].Labels)); err != nil {
			return err
		}
	}
	if s.Name == targetInfo && target != (memory.Target{}) && len(s.Samples) > 0 {
		b.remember(target, s)
		return nil
	}
	id, err := b.nameOf(s)
	if err != nil {
		return err
	}
	if err := b.reserve(points*(sizeOfPoint+len(b.attrs)*sizeOfAttribute) + len(s.Exemplars)*sizeOfExemplar); err != nil {
		return err
	}
	if points == 0 {
		return b.keepExemplars(target, s)
	}
	r, err := b.resourceOf(target)
	if err != nil {
		return err
	}
	scope, err := b.scopeOf(r)
	if err != nil {
		return err
	}
	if len(s.Samples) > 0 {
		return b.addSamples(s, scope, id)
	}
	return b.addHistograms(s, scope, id)
}

// sizeOfLabels returns the number of bytes of the texts of labels.
func sizeOfLabels(labels []message.Label) (n int) {
	for i := range labels {
		n += len(labels[i].Name) + len(labels[i].Value)
	}
	return n
}

// split sorts the labels of the series into those of its target, its scope and its data
// points.
func (b *Builder) split(s *message.Series) (target memory.Target) {
	b.attrs, b.ofScope = b.attrs[:0], b.ofScope[:0]
	for _, l := range s.Labels {
		switch {
		case l.Name == jobLabel:
			target.Job = l.Value
		case l.Name == instanceLabel:
			target.Instance = l.Value
		case strings.HasPrefix(l.Name, scopePrefix):
			b.ofScope = append(b.ofScope, l)
		default:
			b.attrs = append(b.attrs, l)
		}
	}
	return target
}

// remember remembers the labels of target_info, which become attributes of the resource.
func (b *Builder) remember(target memory.Target, s *message.Series) {
	b.result.Written.Samples += len(s.Samples)
	b.result.Written.Exemplars += len(s.Exemplars)
	labels := slices.Concat(b.attrs, b.ofScope)
	if message.IsStale(s.Samples[len(s.Samples)-1].Value) {
		labels = nil
	}
	b.remembered.SetTarget(target, labels)
}

// nameOf returns the index of the name of the series, with the metadata that came with it
// or else what is remembered of its family.
func (b *Builder) nameOf(s *message.Series) (int32, error) {
	key := nameKey{s.Name, s.Metadata.Type}
	if last := len(b.names) - 1; last >= 0 && b.names[last].key == key { // a family's series are mostly adjacent
		return int32(last), nil
	}
	if id, ok := b.nameOfSeries[key]; ok {
		return id, nil
	}
	meta := s.Metadata
	if meta == (message.Metadata{}) {
		meta = b.family(s.Name)
	} else {
		b.remembered.SetFamily(s.Name, meta)
	}
	if err := b.reserve(sizeOfName); err != nil {
		return none, err
	}
	id := int32(len(b.names))
	b.names = append(b.names, name{key: key, meta: meta, kind: kindOf(s.Name, meta), scope: none})
	b.nameOfSeries[key] = id
	return id, nil
}

// family returns what is remembered of the family of a series.
func (b *Builder) family(series string) message.Metadata {
	if meta, ok := b.remembered.Family(series); ok {
		return meta
	}
	for _, c := range [...]struct {
		suffix string
		types  [3]message.Type
	}{
		{"_bucket", [3]message.Type{message.Histogram, message.GaugeHistogram}},
		{"_count", [3]message.Type{message.Histogram, message.Summary}},
		{"_sum", [3]message.Type{message.Histogram, message.Summary}},
		{"_gcount", [3]message.Type{message.GaugeHistogram}},
		{"_gsum", [3]message.Type{message.GaugeHistogram}},
		{"_total", [3]message.Type{message.Counter}},
		{"_created", [3]message.Type{message.Counter, message.Histogram, message.Summary}},
		{"_info", [3]message.Type{message.Info}},
	} {
		family, ok := strings.CutSuffix(series, c.suffix)
		if !ok {
			continue
		}
		meta, ok := b.remembered.Family(family)
		if !ok || meta.Type == message.Unknown {
			continue
		}
		for _, t := range c.types {
			if t == meta.Type {
				return meta
			}
		}
	}
	return message.Metadata{}
}

func (b *Builder) resourceOf(target memory.Target) (int32, error) {
	if b.last != none && b.resources[b.last].target == target {
		return b.last, nil
	}
	id, ok := b.resourceOfTarget[target]
	if !ok {
		if err := b.reserve(sizeOfResource); err != nil {
			return none, err
		}
		if err := b.text(sizeOfLabels(b.remembered.Target(target))); err != nil {
			return none, err
		}
		id = int32(len(b.resources))
		b.resources = append(b.resources, resource{target: target, metrics: b.metrics.ResourceMetrics().AppendEmpty(), scope: none})
		b.resourceOfTarget[target] = id
	}
	b.last = id
	return id, nil
}

// scopeOf returns the index of the scope that the labels of the series name.
func (b *Builder) scopeOf(resource int32) (int32, error) {
	r := &b.resources[resource]
	if len(b.ofScope) == 0 && r.scope != none {
		return r.scope, nil
	}
	b.setScopeKey(resource, b.ofScope)
	if id, ok := b.scopeOfLabels[string(b.scratch)]; ok {
		return id, nil
	}
	if err := b.reserve(sizeOfScope + len(b.scratch) + len(b.ofScope)*sizeOfAttribute); err != nil {
		return none, err
	}
	id := int32(len(b.scopes))
	b.scopeOfLabels[string(b.scratch)] = id
	metrics := r.metrics.ScopeMetrics().AppendEmpty()
	b.scopes = append(b.scopes, metrics)
	for _, l := range b.ofScope {
		switch name := l.Name[len(scopePrefix):]; name {
		case "name":
			metrics.Scope().SetName(l.Value)
		case "version":
			metrics.Scope().SetVersion(l.Value)
		case "schema_url":
			metrics.SetSchemaUrl(l.Value)
		default:
			metrics.Scope().Attributes().PutStr(name, l.Value)
		}
	}
	if len(b.ofScope) == 0 {
		r.scope = id
	}
	return id, nil
}

// setScopeKey sets scratch to the key of a scope.
func (b *Builder) setScopeKey(resource int32, labels []message.Label) {
	b.scratch = append(b.scratch[:0], byte(resource), byte(resource>>8), byte(resource>>16), byte(resource>>24))
	for _, l := range labels {
		b.scratch = appendText(appendText(b.scratch, l.Name), l.Value)
	}
}

// appendText appends a text with its length, so that no two lists of texts are equal.
func appendText(data []byte, text string) []byte {
	n := len(text)
	return append(append(data, byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), text...)
}

func (b *Builder) addSamples(s *message.Series, scope, id int32) error {
	n := &b.names[id]
	if n.scope != scope {
		group, err := b.groupOf(groupKey{scope, id, n.kind})
		if err != nil {
			return err
		}
		n.scope, n.group = scope, group
	}
	g := &b.groups[n.group]
	for i := range s.Samples {
		sample := &s.Samples[i]
		point := g.numbers.AppendEmpty()
		b.setAttributes(point.Attributes())
		point.SetTimestamp(nanos(sample.Timestamp))
		if sample.Start != 0 {
			point.SetStartTimestamp(nanos(sample.Start))
		}
		if message.IsStale(sample.Value) {
			point.SetFlags(point.Flags().WithNoRecordedValue(true))
		} else {
			point.SetDoubleValue(sample.Value)
		}
	}
	b.result.Written.Samples += len(s.Samples)
	if len(s.Exemplars) > 0 {
		b.addExemplars(g.numbers.At(g.numbers.Len()-1).Exemplars(), s.Exemplars)
	}
	return nil
}

// setAttributes sets the attributes of a data point.
func (b *Builder) setAttributes(m pcommon.Map) {
	m.EnsureCapacity(len(b.attrs))
	for _, l := range b.attrs {
		m.PutStr(l.Name, l.Value)
	}
}

// nanos converts milliseconds that are known to fit.
func nanos(millis int64) pcommon.Timestamp { return pcommon.Timestamp(millis * 1_000_000) }

// identify sets the attributes of the resource.
func (r *resource) identify(labels []message.Label) {
	attrs := r.metrics.Resource().Attributes()
	attrs.EnsureCapacity(len(labels) + 3)
	for _, l := range labels {
		switch l.Name {
		case serviceNamespace, serviceName, serviceInstance: // job and instance follow from them
		default:
			attrs.PutStr(l.Name, l.Value)
		}
	}
	if namespace, service, ok := strings.Cut(r.target.Job, "/"); ok && namespace != "" && service != "" && !strings.Contains(service, "/") {
		attrs.PutStr(serviceNamespace, namespace)
		attrs.PutStr(serviceName, service)
	} else if r.target.Job != "" {
		attrs.PutStr(serviceName, r.target.Job)
	}
	if r.target.Instance != "" {
		attrs.PutStr(serviceInstance, r.target.Instance)
	}
}
