// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/diskspace"
)

// diskWarn is how many reserves must be free before the doctor is content.
const diskWarn = 4

// disks checks the room on the disks of the queue and the dead letters.
func (x *examination) disks(context.Context) {
	var dirs []string
	for _, dir := range slices.Concat(x.agent.Storage, x.agent.DeadLetters) {
		dir = existing(x.path(dir))
		if !slices.Contains(dirs, dir) && !slices.ContainsFunc(dirs, func(d string) bool { return within(dir, d) }) {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range dirs {
		free, ok := diskspace.Of(dir)
		if !ok {
			x.warn("disk.space", dir, "The free space is not known", "Check with `df "+dir+"`.")
			continue
		}
		message := fmt.Sprintf("%s of %s are free, and the agent leaves %s free", bytesize.Size(free.Bytes).Rounded(), bytesize.Size(free.Total).Rounded(), bytesize.Size(free.Reserve()).Rounded())
		const fix = "Free space on the disk of STATE_DIR, or enlarge it. No restart is needed."
		switch {
		case free.Bytes <= free.Reserve():
			x.fail("disk.space", dir, message+": the queue cannot grow, so the agent stops reading and rejects OTLP", fix)
		case free.Bytes < diskWarn*free.Reserve():
			x.warn("disk.space", dir, message, fix)
		default:
			x.ok("disk.space", dir, message)
		}
		x.writable(dir)
	}
}

// existing returns the folder, or the first one above it that exists.
func existing(dir string) string {
	for dir != "/" {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	return dir
}

func within(dir, of string) bool {
	rel, err := filepath.Rel(of, dir)
	return err == nil && filepath.IsLocal(rel)
}

// writable checks that the agent's user may write to its folder.
func (x *examination) writable(dir string) {
	if x.user == nil || !slices.ContainsFunc(x.agent.Storage, func(d string) bool { return x.path(d) == dir }) {
		return
	}
	var blocked *asuser.Blocked
	if err := x.user.Check(dir, asuser.ReadWrite); errors.As(err, &blocked) {
		x.fail("disk.owner", dir, fmt.Sprintf("The agent's user %s may not write there: %s", x.user.Name, blocked.Error()), "Run `chown -R "+x.user.Name+": "+dir+"`.")
	}
}
