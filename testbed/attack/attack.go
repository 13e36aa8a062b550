// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package attack

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Target is the collector that is attacked.
type Target struct {
	HTTP, GRPC string // loopback addresses
	Key        string // of the attacker; empty: none

	web bool // HTTP/2 frames go to the HTTP address as requests, not to the gRPC address as calls
}

// Attack is one attack. It ends within about a minute, or with its context.
type Attack struct {
	Name string

	// Anonymous is whether the attack needs no valid key.
	Anonymous bool

	// Refused is whether the server must not respond with success.
	Refused bool

	// Run returns the status of the response, such as "HTTP 413" or "gRPC 8", or "" if the
	// attack does not wait for one. An error, or another text such as "closed" or "reset ...",
	// means that the call ended without a response.
	Run func(ctx context.Context, t Target) (answer string, err error)
}

// Accepted reports whether an answer of Run is a success.
func Accepted(answer string) bool { return answer == "HTTP 200" || answer == "gRPC 0" }

// Answered reports whether an answer of Run is the status of a response.
func Answered(answer string) bool {
	return strings.HasPrefix(answer, "HTTP ") || strings.HasPrefix(answer, "gRPC ")
}

// Size scales attacks. All fields are required.
type Size struct {
	Levels      int           // of nested values that must be refused
	Elements    int           // empty elements in a request that must be refused
	Bomb        int           // decoded bytes of a compressed body that must be refused
	Connections int           // held concurrently
	Stall       time.Duration // how long connections are held
}

// All returns every attack in a fixed order.
func All(size Size) []Attack {
	list := append(requests(size), stalls(size)...)
	list = append(list, floods()...)
	list = append(list, protocols(size)...)
	return append(list, anonymous(size)...)
}

// requests returns attacks that send a single request with a key, over both protocols.
func requests(size Size) []Attack {
	var list []Attack
	add := func(name, path, content string, body []byte, only ...string) {
		use := encodings()
		if len(only) > 0 {
			use = only
		}
		for _, encoding := range use {
			if encoding == "" && len(body) > 12<<20 {
				continue // would be refused for its size
			}
			p := post{path: path, content: content, encoding: encoding}
			list = append(list, Attack{
				Name: strings.TrimSpace(fmt.Sprintf("%s, %s HTTP %s", name, content, encoding)), Refused: true,
				Run: func(ctx context.Context, t Target) (string, error) {
					p := p
					p.body = encode(encoding, body)
					return t.send(ctx, p)
				},
			})
			if content == json || encoding == "deflate" {
				continue
			}
			list = append(list, Attack{
				Name: strings.TrimSpace(fmt.Sprintf("%s, gRPC %s", name, encoding)), Refused: true,
				Run: func(ctx context.Context, t Target) (string, error) {
					p := p
					p.body = encode(encoding, body)
					return t.call(ctx, p, frameSize)
				},
			})
		}
	}
	add(fmt.Sprintf("%d nested arrays", size.Levels), logsPath, protobuf, nested(size.Levels, false))
	add(fmt.Sprintf("%d nested maps", size.Levels), logsPath, protobuf, nested(size.Levels, true))
	add(fmt.Sprintf("%d nested arrays", size.Levels), logsPath, json, nestedJSON(size.Levels))
	kinds := empties(size.Elements)
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		add(fmt.Sprintf("%d empty %s", size.Elements, name), kinds[name].path, protobuf, kinds[name].body, "gzip", "snappy")
	}
	add("a document and a second one", logsPath, json, []byte(`{"resourceLogs":[]}{"resourceLogs":[]}`))
	add(fmt.Sprintf("%d empty records", size.Elements), logsPath, json,
		[]byte(`{"resourceLogs":[{"scopeLogs":[{"logRecords":[{}`+strings.Repeat(",{}", size.Elements-1)+`]}]}]}`))
	for _, encoding := range encodings()[1:] {
		p := post{path: logsPath, content: protobuf, encoding: encoding}
		size := size
		if encoding == "snappy" {
			size.Bomb = min(size.Bomb, 200<<20) // compresses to a twentieth only
		}
		list = append(list,
			Attack{Name: fmt.Sprintf("%d zeros, HTTP %s", size.Bomb, encoding), Refused: true, Run: func(ctx context.Context, t Target) (string, error) {
				p := p
				p.body = encode(encoding, make([]byte, size.Bomb))
				return t.send(ctx, p)
			}},
			Attack{Name: "a body that ends in the middle, HTTP " + encoding, Refused: true, Run: func(ctx context.Context, t Target) (string, error) {
				p := p
				p.body = encode(encoding, noise(1<<20))
				p.body = p.body[:len(p.body)/2]
				return t.send(ctx, p)
			}},
		)
		if encoding == "deflate" {
			continue
		}
		list = append(list, Attack{Name: fmt.Sprintf("%d zeros, gRPC %s", size.Bomb, encoding), Refused: true, Run: func(ctx context.Context, t Target) (string, error) {
			p := p
			p.body = encode(encoding, make([]byte, size.Bomb))
			return t.call(ctx, p, frameSize)
		}})
	}
	return list
}

// window returns a zstd frame that announces a window of 512 MiB, with a first block of four bytes
// that is not the last block.
func window() []byte {
	return []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 19 << 3, 4 << 3, 0, 0, 0x0a, 0x02, 0x0a, 0x00}
}

// stalls returns attacks that send requests without end, with a key.
func stalls(size Size) []Attack {
	attack := func(name string, run func(ctx context.Context, t Target)) Attack {
		return Attack{Name: name, Run: func(ctx context.Context, t Target) (string, error) {
			run(ctx, t)
			return "", nil
		}}
	}
	var list []Attack
	for name, p := range map[string]post{
		"a zstd window of 512 MiB": {path: logsPath, content: protobuf, encoding: "zstd", body: window()},
		"gzip":                     {path: logsPath, content: protobuf, encoding: "gzip", body: encode("gzip", make([]byte, 12<<20))},
		"zstd":                     {path: logsPath, content: protobuf, encoding: "zstd", body: encode("zstd", noise(2<<20))},
		"plain":                    {path: logsPath, content: protobuf, body: noise(4 << 20)},
		"JSON":                     {path: logsPath, content: json, body: bytes.Repeat([]byte(" "), 4<<20)},
		"snappy":                   {path: logsPath, content: protobuf, encoding: "snappy", body: []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0}},
	} {
		list = append(list, attack(fmt.Sprintf("%d bodies that stall, HTTP %s", size.Connections, name), func(ctx context.Context, t Target) {
			t.stall(ctx, size.Connections, p, size.Stall)
		}))
	}
	slices.SortFunc(list, func(a, b Attack) int { return strings.Compare(a.Name, b.Name) })
	return append(list,
		attack("a body of one byte at a time, HTTP", func(ctx context.Context, t Target) {
			t.drip(ctx, post{path: logsPath, content: protobuf, body: noise(200)}, size.Stall/200)
		}),
		attack("messages that stall, gRPC", func(ctx context.Context, t Target) {
			t.stallCalls(ctx, 4, size.Connections/4, make([]byte, 60000), size.Stall)
		}),
		Attack{Name: "a message in frames of one byte, gRPC", Run: func(ctx context.Context, t Target) (string, error) {
			return t.call(ctx, post{path: logsPath, content: protobuf, body: noise(400_000)}, 1)
		}},
	)
}

// floods returns attacks that send expensive requests that are valid, or almost valid.
func floods() []Attack {
	both := func(name, path string, body func() []byte) []Attack {
		return []Attack{
			{Name: name + ", HTTP", Run: func(ctx context.Context, t Target) (string, error) {
				return t.send(ctx, post{path: path, content: protobuf, encoding: "gzip", body: encode("gzip", body())})
			}},
			{Name: name + ", gRPC", Run: func(ctx context.Context, t Target) (string, error) {
				return t.call(ctx, post{path: path, content: protobuf, body: body()}, frameSize)
			}},
		}
	}
	list := both("3,000 records behind a resource of 1.3 MB", logsPath, func() []byte { return envelope(1_300_000, 3000) })
	list = append(list, both("a record of 90,000 attributes", logsPath, func() []byte { return wide(90_000) })...)
	list = append(list, both("a delta point of 50,000 attributes", metricsPath, func() []byte { return wideDelta(50_000) })...)
	list = append(list, both("delta histograms of changing shapes", metricsPath, histograms)...)
	list = append(list, both("10 MB of control characters, each six bytes in JSON", logsPath, func() []byte {
		return request(nil, message(2, message(5, text(strings.Repeat("\x01", 10<<20)))))
	})...)
	list = append(list, both("8 MB of noise", logsPath, func() []byte { return noise(8 << 20) })...)
	return append(list, Attack{Name: "1,000 tiny requests, HTTP", Run: func(ctx context.Context, t Target) (string, error) {
		tiny := post{path: logsPath, content: protobuf, body: request(nil, repeated(2, 1))}
		for range 1000 {
			if answer, err := t.send(ctx, tiny); err != nil || !Accepted(answer) {
				return answer, err
			}
		}
		return "", nil
	}}, Attack{Name: "20,000 tiny calls on each of 20 connections with unread answers, gRPC", Run: func(ctx context.Context, t Target) (string, error) {
		t.callsUnread(ctx, 20, 20_000)
		return "", nil
	}})
}

// anonymous returns attacks without a valid key.
func anonymous(size Size) []Attack {
	attack := func(name string, run func(ctx context.Context, t *Target)) Attack {
		return Attack{Name: name, Anonymous: true, Run: func(ctx context.Context, t Target) (string, error) {
			t.Key = ""
			run(ctx, &t)
			return "", nil
		}}
	}
	return []Attack{
		attack("long heads, HTTP", func(ctx context.Context, t *Target) {
			connections(ctx, t.HTTP, size.Connections, longHead(900_000), size.Stall)
		}),
		attack("idle connections, HTTP", func(ctx context.Context, t *Target) {
			connections(ctx, t.HTTP, 8*size.Connections, nil, size.Stall)
		}),
		attack("idle connections, gRPC", func(ctx context.Context, t *Target) {
			connections(ctx, t.GRPC, 8*size.Connections, nil, size.Stall)
		}),
		attack("half a request line, HTTP", func(ctx context.Context, t *Target) {
			connections(ctx, t.HTTP, size.Connections, []byte("POST /v1/lo"), size.Stall)
		}),
		attack("calls without a key, gRPC", func(ctx context.Context, t *Target) {
			t.stallCalls(ctx, 4, size.Connections, make([]byte, 60000), size.Stall)
		}),
		attack("bodies without a key, HTTP", func(ctx context.Context, t *Target) {
			t.stall(ctx, size.Connections, post{path: logsPath, content: protobuf, body: noise(1 << 20)}, size.Stall)
		}),
		attack("wrong keys, HTTP", func(ctx context.Context, t *Target) {
			t.Key = "obs_kaaaaaaa_" + strings.Repeat("0", 38)
			var senders sync.WaitGroup
			for range 10 { // the gateway answers each of them slowly
				senders.Go(func() {
					for range 10 {
						if _, err := t.send(ctx, post{path: logsPath, content: protobuf, body: Log("x")}); err != nil {
							return
						}
					}
				})
			}
			senders.Wait()
		}),
	}
}
