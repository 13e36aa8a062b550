// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/registryfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/tenant"
)

const (
	suspendedShare  = 10 // one of so many living tenants is suspended
	comeBackShare   = 8  // one of so many that come was there before
	rememberDeleted = 500
)

// churn is a registry file whose tenants come and go.
type churn struct {
	path     string
	endpoint func(n int) string

	mu         sync.Mutex
	living     []customer
	deleted    []tenant.ID // some of those that went, to come back
	number     int
	created    int
	gone       int
	generation int
}

// customer is a living tenant.
type customer struct {
	tenant *tenant.Tenant
	key    string
}

func newChurn(path string, live int, endpoint func(n int) string) *churn {
	c := &churn{path: path, endpoint: endpoint}
	for range live {
		c.living = append(c.living, c.create())
	}
	return c
}

// create makes a tenant that is new, or was deleted before.
func (c *churn) create() customer {
	c.created++
	c.number++
	id := tenant.ID(fmt.Sprintf("tenant-%06d", c.number))
	if len(c.deleted) > 0 && rand.IntN(comeBackShare) == 0 {
		i := rand.IntN(len(c.deleted))
		id = c.deleted[i]
		c.deleted[i] = c.deleted[len(c.deleted)-1]
		c.deleted = c.deleted[:len(c.deleted)-1]
	}
	key, keyID := apikey.New()
	return customer{key: key, tenant: &tenant.Tenant{
		ID: id, Status: tenant.StatusActive, Isolation: tenant.IsolationShared,
		Vars: map[string]string{"backend": c.endpoint(c.number), "token": "token-of-" + string(id)},
		// A limit that nobody reaches, so that it is counted for each tenant.
		Limits: tenant.Limits{DailyBytes: 1 << 40},
		Keys: []*tenant.Key{{
			ID: keyID, Digest: apikey.Digest(key), Scopes: tenant.NewSignals(tenant.AllSignals()...),
			CreatedAt: time.Now().UTC().Truncate(time.Second),
		}},
	}}
}

// next makes a version of the registry by which due tenants are gone.
func (c *churn) next(due int) error {
	c.mu.Lock()
	for c.gone < due {
		// The oldest go first, so that each lives as long as the others.
		out := c.living[0]
		c.living = append(c.living[1:], c.create())
		if len(c.deleted) < rememberDeleted {
			c.deleted = append(c.deleted, out.tenant.ID)
		} else {
			c.deleted[rand.IntN(len(c.deleted))] = out.tenant.ID
		}
		c.gone++
	}
	for i := range c.living {
		t := *c.living[i].tenant // what was handed out stays as it is
		switch {
		case rand.IntN(suspendedShare) == 0 && t.Status == tenant.StatusActive:
			t.Status = tenant.StatusSuspended
		case rand.IntN(2) == 0:
			t.Status = tenant.StatusActive
		default:
			continue
		}
		c.living[i].tenant = &t
	}
	c.generation++
	c.mu.Unlock()
	return c.write()
}

func (c *churn) write() error {
	c.mu.Lock()
	list := make([]*tenant.Tenant, len(c.living))
	for i := range c.living {
		list[i] = c.living[i].tenant
	}
	c.mu.Unlock()
	data, err := registryfile.Format(list)
	if err != nil {
		return err
	}
	if _, err := os.Stat(c.path); os.IsNotExist(err) {
		return os.WriteFile(c.path, data, 0o600)
	}
	return atomicfile.Write(c.path, data)
}

// pick returns the key of a living tenant.
func (c *churn) pick() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.living[rand.IntN(len(c.living))].key
}
