// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
)

// Machine describes the memory that is available to the process.
type Machine struct {
	Memory int64 // bytes that the process may use; 0: unknown
	Group  bool  // a control group sets Memory
	Guard  int64 // the default of request_guard::memory

	// HeapFloor is the default of request_guard::heap_floor; 0: none.
	HeapFloor int64

	// GoLimit is the soft memory limit of the Go runtime; math.MaxInt64 is none.
	GoLimit int64
}

const (
	// restMemory is the memory that no setting bounds: code, the registry, connections, and the
	// overhead of the runtime.
	restMemory = 64 * bytesize.MiB

	defaultLaneMemory = 128 * bytesize.MiB
	defaultLaneTotal  = 2 * bytesize.GiB
	minLaneMemory     = 16 * bytesize.MiB
)

// bound is a setting that bounds memory.
type bound struct {
	key  string
	size bytesize.Size
}

// CheckMemory returns the settings that together allow more memory than m has, and memory limiters
// that reject data before the other bounds are exceeded.
func CheckMemory(conf map[string]any, m Machine) []Finding {
	c := newChecker(conf)
	bounds := c.memoryBounds(m)
	if len(bounds) == 0 {
		return nil // no component with a memory bound
	}
	total, largest := restMemory, bounds[0]
	names := make([]string, len(bounds))
	for i, b := range bounds {
		total = min(total, math.MaxInt64-b.size) + b.size
		names[i] = fmt.Sprintf("%s (%v)", b.key, b.size)
		if b.size > largest.size {
			largest = b
		}
	}
	together := fmt.Sprintf("%s and %v for the rest of the process are %s together", strings.Join(names, ", "), restMemory, mebibytes(total))
	if m.Memory > 0 && int64(total) > m.Memory {
		whose := "the machine has"
		if m.Group {
			whose = "the control group allows"
		}
		c.warn(MemoryOfMachine, largest.key, "allows more memory than is available: %s, but %s %s: the kernel kills the process before a limit is reached; lower the settings or add memory", together, whose, mebibytes(bytesize.Size(m.Memory)))
	}
	for _, id := range c.processorsOf(typeMemoryLimiter) {
		c.checkLimits(id, m, total, together)
	}
	return c.found
}

// checkLimits checks the limits of a memory_limiter, which rejects the data of all tenants above its
// soft limit.
func (c *checker) checkLimits(id string, m Machine, total bytesize.Size, together string) {
	key := "processors::" + id
	unit, soft := c.softLimit(id, m)
	if soft == 0 {
		return
	}
	switch {
	case m.Memory > 0 && int64(soft) >= m.Memory:
		c.warn(MemoryOfMachine, key+"::"+unit, "rejects data from %s on, but only %s are available: the kernel kills the process first; lower it", mebibytes(soft), mebibytes(bytesize.Size(m.Memory)))
	case soft < total:
		c.warn(MemoryOfMachine, key+"::"+unit, "rejects the data of all tenants from %s on, which is the limit minus the spike limit, while no bound is exceeded: %s; raise it or lower the others", mebibytes(soft), together)
	case soft <= c.heapFloor(m):
		c.warn(MemoryOfMachine, key+"::"+unit, "rejects the data of all tenants from %s on, which is the limit minus the spike limit, and counts garbage that the Go runtime does not collect while the heap is smaller than %s; raise it, or lower request_guard::heap_floor", mebibytes(soft), mebibytes(c.heapFloor(m)))
	case m.GoLimit != math.MaxInt64 && m.GoLimit >= int64(soft):
		c.warn(MemoryOfMachine, key+"::"+unit, "rejects the data of all tenants from %s on, which is the limit minus the spike limit, and counts garbage that the Go runtime does not collect below its soft memory limit of %s; raise it, or lower request_guard::memory_limit or GOMEMLIMIT", mebibytes(soft), mebibytes(bytesize.Size(m.GoLimit)))
	}
}

// heapFloor returns the size of the heap below which request_guard has no garbage collected. The first
// one under service::extensions decides.
func (c *checker) heapFloor(m Machine) bytesize.Size {
	for _, id := range texts(at(c.conf, "service", "extensions")) {
		if typeOf(id) != "requestguard" {
			continue
		}
		switch text := text(at(c.conf, "extensions", id, "heap_floor")); text {
		case "", "auto":
			return bytesize.Size(m.HeapFloor)
		case "off", "false": // YAML 1.1 has off for false
			return 0
		default:
			var size bytesize.Size
			if size.UnmarshalText([]byte(text)) != nil {
				return 0 // the extension rejects it
			}
			return size
		}
	}
	return 0
}

// softLimit returns the size of the heap from which on a memory_limiter rejects data, and the
// setting that decides it. 0: the processor rejects the setting, or the memory is unknown.
func (c *checker) softLimit(id string, m Machine) (unit string, soft bytesize.Size) {
	set := at(c.conf, "processors", id)
	unit, limit, spike := "limit_mib", number(at(set, "limit_mib"))*float64(bytesize.MiB), number(at(set, "spike_limit_mib"))*float64(bytesize.MiB)
	if limit == 0 {
		percent := float64(m.Memory) / 100
		unit, limit, spike = "limit_percentage", number(at(set, "limit_percentage"))*percent, number(at(set, "spike_limit_percentage"))*percent
	}
	if spike == 0 {
		spike = limit / 5
	}
	return unit, bytesize.Size(max(0, limit-spike))
}

// memoryBounds returns the settings that bound the memory of the components in pipelines.
func (c *checker) memoryBounds(m Machine) (bounds []bound) {
	add := func(key string, set any, def, least bytesize.Size) {
		size := def
		if text := text(set); text != "" && text != "0" {
			if size.UnmarshalText([]byte(text)) != nil {
				return // the component rejects it
			}
		}
		b := bound{key, max(size, least)}
		if !slices.Contains(bounds, b) {
			bounds = append(bounds, b)
		}
	}
	for i := range c.pipelines {
		p := &c.pipelines[i]
		for _, id := range p.receivers {
			used := []string{c.guardOf(id)}
			for _, s := range c.servers(id) {
				used = append(used, s.guards()...)
			}
			for _, guard := range used {
				switch guard {
				case "":
				case builtIn:
					add("receivers::"+id+"::guard", nil, bytesize.Size(m.Guard), 0)
				default:
					add("extensions::"+guard+"::memory", at(c.conf, "extensions", guard, "memory"), bytesize.Size(m.Guard), 0)
				}
			}
		}
		for _, id := range p.exporters {
			set, key := mapping(at(c.conf, "exporters", id)), "exporters::"+id
			queue := mapping(set["sending_queue"])
			switch {
			case typeOf(id) == typeRouting && text(set["storage"]) != "":
				add(key+"::max_memory_bytes", set["max_memory_bytes"], defaultLaneMemory, minLaneMemory)
			case typeOf(id) == typeRouting:
				add(key+"::max_total_bytes", set["max_total_bytes"], defaultLaneTotal, 0)
			case text(queue["sizer"]) == "bytes" && text(queue["storage"]) == "" && text(queue["enabled"]) != "false":
				add(key+"::sending_queue::queue_size", queue["queue_size"], 0, 0)
			}
		}
	}
	return bounds
}

// processorsOf returns the IDs of the processors of a type that pipelines use.
func (c *checker) processorsOf(kind string) (ids []string) {
	for i := range c.pipelines {
		for _, id := range c.pipelines[i].processors {
			if typeOf(id) == kind && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// number returns a setting as a number, or 0.
func number(v any) float64 {
	var n float64
	if _, err := fmt.Sscan(cmp.Or(text(v), "0"), &n); err != nil || !(n > 0) || math.IsInf(n, 0) {
		return 0
	}
	return n
}

func mebibytes(s bytesize.Size) string { return fmt.Sprintf("%d MiB", s/bytesize.MiB) }
