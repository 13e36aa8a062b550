// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/finding"
	"github.com/otelcol-tenant/otelcol-tenant/internal/remedy"
)

// keys checks the key of each destination.
func (x *examination) keys(context.Context) {
	if len(x.agent.Destinations) == 0 {
		x.fail("gateway.endpoint", "exporters", "The configuration sends to no gateway", "Add the exporter tenant_routing with a destination, as in the shipped configuration.")
	}
	for i := range x.agent.Destinations {
		d := &x.agent.Destinations[i]
		switch {
		case !d.HasAuth:
			x.warn("key.present", "destinations::"+d.Name, "The destination sends no key", "Set `auth::authenticator: bearer_key_auth`, unless the destination is no gateway of tenants.")
			continue
		case d.KeyFile != "" && d.Key != "":
			continue // the validation reports it
		case d.KeyFile != "":
			x.keyFile(d)
		default:
			x.checkKey("TENANT_KEY", d.Key)
			x.secretFiles()
		}
		if x.key == "" {
			x.key = d.Key
		}
	}
}

// keyFile reads the key of a destination from its file.
func (x *examination) keyFile(d *agentinstall.Destination) {
	path := d.KeyFile
	source := ""
	if x.unit != nil {
		source = x.unit.Credentials["agent.key"]
	}
	if source != "" {
		key, err := apikey.ReadFile(x.path(source))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			x.fail("key.present", source, "There is no key", "Run `tenantctl setup --env agent.env`.")
		case err == nil:
			x.secrets.Add(key)
			x.checkKey(source, key)
			x.mode(source)
			d.Key = key
		case !errors.Is(err, fs.ErrPermission) || os.Geteuid() == 0:
			x.fail("key.present", source, "The key file cannot be used: "+err.Error(), "Run `tenantctl setup --env agent.env`.")
		}
	}
	key, err := apikey.ReadFile(x.path(path))
	switch {
	case errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0:
		x.warn("key.present", path, "This user may not read the key", "Run this command as root.")
	case errors.Is(err, fs.ErrNotExist) && x.health == nil && source != "":
		// The service copies the key at its start.
	case err != nil:
		x.fail("key.present", path, "The agent cannot use the key file: "+err.Error(), "Run `systemctl restart otelcol-tenant-agent`, or `tenantctl setup --env agent.env` if there is no key.")
	case d.Key != "" && key != d.Key:
		x.secrets.Add(key)
		x.fail("key.present", source, "The running agent has another key than the file", "Run `systemctl reload otelcol-tenant-agent`.")
	default:
		x.secrets.Add(key)
		if d.Key == "" {
			x.checkKey(path, key)
			d.Key = key
		}
		x.readableKey(path)
	}
}

// readableKey reports a key file that the agent's user may not read.
func (x *examination) readableKey(path string) {
	if x.user == nil {
		return
	}
	var blocked *asuser.Blocked
	if err := x.user.Check(x.path(path), asuser.Read); errors.As(err, &blocked) {
		x.fail("key.mode", path, fmt.Sprintf("The agent's user %s may not read the key: %s", x.user.Name, blocked.Error()), "Run `systemctl reload otelcol-tenant-agent`, or give the user read permission on the file.")
	}
}

// checkKey reports the form of a key.
func (x *examination) checkKey(subject, key string) {
	id, err := apikey.ID(key)
	switch {
	case key == "":
		x.fail("key.present", subject, "There is no key", remedy.NewKey)
	case err == nil:
		// The ID is public. It is a part of the key, so scrub would hide the sentence.
		x.all = append(x.all, Finding{ID: "key.form", Severity: finding.OK, Subject: subject, Message: "The key has the right form and checksum; its ID is " + id})
	case strings.Contains(key, "REPLACE_WITH"):
		x.fail("key.form", subject, "The key is the placeholder of `tenantctl onboard` without --new-key", remedy.NewKey)
	case strings.HasPrefix(key, apikey.Prefix) && len(key) == apikey.Length:
		x.fail("key.form", subject, "The checksum of the key is wrong: one of its characters was changed", remedy.CopyKey)
	case strings.HasPrefix(key, apikey.Prefix):
		x.fail("key.form", subject, fmt.Sprintf("The key has %d characters instead of %d: a part is missing, or there is more than the key", len(key), apikey.Length), remedy.CopyKey)
	default:
		x.fail("key.form", subject, "The text is not a key, which begins with "+apikey.Prefix, remedy.CopyKey)
	}
}

// secretFiles reports environment files with a key that others may read.
func (x *examination) secretFiles() {
	if x.set.Env != "" {
		x.mode(x.set.Env)
	} else if x.unit != nil {
		for _, f := range x.unit.EnvironmentFile {
			x.mode(f.Path)
		}
	}
}

// mode reports a file of a secret that other users may read.
func (x *examination) mode(path string) {
	info, err := os.Stat(x.path(path))
	if err != nil {
		return
	}
	if info.Mode().Perm()&0o077 != 0 {
		x.fail("key.mode", path, fmt.Sprintf("Other users may read the key: the mode is %04o", info.Mode().Perm()), "Run `chmod 600 "+path+"`, and replace the key if others have read it.")
		return
	}
	x.ok("key.mode", path, fmt.Sprintf("Only its owner may read the key: the mode is %04o", info.Mode().Perm()))
}
