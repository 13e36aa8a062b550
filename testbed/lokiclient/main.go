// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Lokiclient pushes numbered lines with Grafana's client library for Loki, on which
// promtail was built. It is a module of its own, so that the library does not change the
// product's versions.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/go-kit/log"
	"github.com/grafana/loki-client-go/loki"
	"github.com/grafana/loki/pkg/push"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	url := flag.String("url", "", "`URL` of the push API")
	key := flag.String("key", os.Getenv("KEY"), "API key, by default that of the environment variable KEY")
	user := flag.String("user", "", "send the key as the password of this user, in place of a bearer token")
	tenant := flag.String("tenant", "", "X-Scope-OrgID; empty: none")
	encodeJSON := flag.Bool("json", false, "send JSON in place of protobuf")
	lines := flag.Int("lines", 100, "number of lines")
	interval := flag.Duration("interval", 0, "time between two lines")
	wait := flag.Duration("wait", 100*time.Millisecond, "longest time that a line waits for others")
	backoff := flag.Duration("backoff", 100*time.Millisecond, "shortest time between two attempts")
	flag.Parse()

	cfg, err := loki.NewDefaultConfig(*url)
	if err != nil {
		return err
	}
	cfg.TenantID, cfg.EncodeJson, cfg.BatchWait = *tenant, *encodeJSON, *wait
	cfg.BackoffConfig.MinBackoff = *backoff
	switch {
	case *key == "":
	case *user != "":
		cfg.Client.BasicAuth = &promconfig.BasicAuth{Username: *user, Password: promconfig.Secret(*key)}
	default:
		cfg.Client.BearerToken = promconfig.Secret(*key)
	}
	client, err := loki.NewWithLogger(cfg, log.NewLogfmtLogger(log.NewSyncWriter(os.Stderr)))
	if err != nil {
		return err
	}
	for n := range *lines {
		labels := model.LabelSet{"app": "shop", "instance": model.LabelValue("i" + strconv.Itoa(n%3)), "path": `C:\logs\"x"`}
		metadata := push.LabelsAdapter{{Name: "number", Value: strconv.Itoa(n)}, {Name: "user", Value: "ünïcode"}}
		line := fmt.Sprintf("level=info msg=\"line %d\" quote=\"\\\"\"", n)
		if err := client.HandleWithMetadata(labels, time.Unix(1_700_000_000, int64(n)), line, metadata); err != nil {
			return err
		}
		time.Sleep(*interval)
	}
	client.Stop() // sends what is left
	return nil
}
