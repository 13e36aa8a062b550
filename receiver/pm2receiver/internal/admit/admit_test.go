// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package admit

import (
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-tenant/otelcol-tenant/internal/regularfile"
)

const (
	root  = 0
	agent = 500
	app   = 1000
	other = 1001
)

// found describes a file in a folder, and the links that lead to it.
func found(file, folder uint32, mode fs.FileMode, names uint64, links ...regularfile.Link) *regularfile.Found {
	return &regularfile.Found{
		Path: "/logs/x-out.log", Links: links,
		File: regularfile.Identity{Owner: file, Mode: mode, Links: names}, Folder: regularfile.Identity{Owner: folder, Mode: fs.ModeDir | 0o755},
	}
}

// last is a link in place of the file, and way one of a folder on the way.
func last(owner, folder uint32) regularfile.Link {
	return regularfile.Link{Owner: owner, Folder: folder, Last: true}
}

func way(owner, folder uint32) regularfile.Link {
	return regularfile.Link{Owner: owner, Folder: folder}
}

func TestGate_Owners(t *testing.T) {
	for name, c := range map[string]struct {
		user uint32
		file *regularfile.Found
		want Reason
	}{
		"own file of the folder's owner":                {root, found(app, app, 0o600, 1), ""},
		"the same with a backup's hard link":            {root, found(app, app, 0o600, 2), ""},
		"file that root's logrotate made, for all":      {root, found(root, app, 0o644, 1), ""},
		"file that root's logrotate made, for root":     {root, found(root, app, 0o600, 1), OtherOwner},
		"file of another user, for all":                 {root, found(other, app, 0o644, 1), ""},
		"file of another user, for himself":             {root, found(other, app, 0o640, 1), OtherOwner},
		"hard link to root's file":                      {root, found(root, app, 0o600, 2), OtherOwner},
		"hard link to root's file that all may read":    {root, found(root, app, 0o644, 2), OtherOwner},
		"hard link to another user's file":              {root, found(other, app, 0o644, 2), OtherOwner},
		"root's folder, root's file":                    {root, found(root, root, 0o600, 1), ""},
		"root's folder, a user's file":                  {root, found(app, root, 0o600, 1), ""},
		"root's folder, hard link to a user's file":     {root, found(app, root, 0o600, 2), OtherOwner},
		"root's folder, hard link to root's secret":     {root, found(root, root, 0o600, 2), OtherOwner},
		"root's folder, hard link to root's log":        {root, found(root, root, 0o644, 2), ""},
		"link to an own file":                           {root, found(app, app, 0o600, 1, last(app, app)), ""},
		"chain of links to an own file":                 {root, found(app, app, 0o600, 1, last(app, app), last(app, root)), ""},
		"link to root's file":                           {root, found(root, app, 0o640, 1, last(app, app)), LinkTarget},
		"link to root's file that all may read":         {root, found(root, app, 0o644, 1, last(app, app)), LinkTarget},
		"link that root made in a user's folder":        {root, found(root, app, 0o644, 1, last(root, app)), LinkTarget},
		"link to another user's file":                   {root, found(other, app, 0o644, 1, last(app, app)), LinkTarget},
		"link over a link of somebody else":             {root, found(app, app, 0o644, 1, last(app, app), last(other, root)), LinkTarget},
		"link over a folder of somebody else":           {root, found(app, app, 0o644, 1, last(app, app), last(root, other)), LinkTarget},
		"root's folder, root's link to root's log":      {root, found(root, root, 0o644, 1, last(root, root)), ""},
		"root's folder, root's link to /etc/shadow":     {root, found(root, root, 0o640, 1, last(root, root)), LinkTarget},
		"root's folder, root's link to a user's file":   {root, found(app, root, 0o644, 1, last(root, root)), LinkTarget},
		"root's folder that all write, a user's link":   {root, found(root, root, 0o644, 1, last(app, root)), LinkTarget},
		"logs is the user's link to his folder":         {root, found(app, app, 0o600, 1, way(app, app)), ""},
		"logs is the user's link, root's logrotate":     {root, found(root, app, 0o644, 1, way(app, app)), ""},
		"logs is the user's link to root's folder":      {root, found(root, root, 0o644, 1, way(app, app)), LinkTarget},
		"logs is the user's link to another's folder":   {root, found(other, other, 0o600, 1, way(app, app)), LinkTarget},
		"logs is root's link in the user's folder":      {root, found(root, root, 0o644, 1, way(root, app)), LinkTarget},
		"logs is root's link to /var/log/pm2 of a user": {root, found(app, app, 0o600, 1, way(root, app)), ""},
		"logs leads to a shared folder of root's":       {root, found(app, root, 0o600, 1, way(app, app)), ""},
		"PM2_HOME is root's link":                       {root, found(app, app, 0o600, 1, way(root, root)), ""},
		"agent of its own, file of PM2's user":          {agent, found(app, app, 0o640, 1), ""},
		"agent of its own, link to the agent's file":    {agent, found(agent, app, 0o600, 1, last(app, app)), LinkTarget},
		"agent of its own, its file was moved there":    {agent, found(agent, app, 0o600, 1), OtherOwner},
		"agent of its own, link to root's file":         {agent, found(root, app, 0o640, 1, last(app, app)), LinkTarget},
		"agent is PM2's user, own link":                 {app, found(app, app, 0o600, 1, last(app, app)), ""},
		"agent is PM2's user, root's file":              {app, found(root, app, 0o640, 1), ""},
		"agent is PM2's user, link to root's file":      {app, found(root, app, 0o640, 1, last(app, app)), LinkTarget},
	} {
		got, why := New(Settings{User: c.user}).judge(c.file, "/logs/x-out.log")
		assert.Equal(t, c.want, got, "%s: %s", name, why)
		if got != "" {
			assert.NotEmpty(t, why, name)
			got, _ = New(Settings{User: c.user, AnyOwner: true}).judge(c.file, "/logs/x-out.log")
			assert.Empty(t, got, "%s: any owner", name)
		}
	}
}

func TestGate_WhatNoOwnerChanges(t *testing.T) {
	own := NewOwn(func(name string) string {
		return map[string]string{"pm_id": "3", "pm_out_log_path": "/logs/agent-out.log", "pm_err_log_path": "/logs/../logs/agent-error.log", "pm_log_path": "relative"}[name]
	})
	own.list = func() []ownFile {
		return []ownFile{{regularfile.Identity{Device: 1, Inode: 7}, "/state/exporter_otlp_http__logs"}, {regularfile.Identity{Device: 1, Inode: 8}, "/var/log/agent.log"}}
	}
	for name, c := range map[string]struct {
		change func(*regularfile.Found)
		path   string
		want   Reason
	}{
		"a log":                           {func(*regularfile.Found) {}, "/logs/x-out.log", ""},
		"a pipe":                          {func(f *regularfile.Found) { f.File.Mode = fs.ModeIrregular }, "/logs/x-out.log", NotRegular},
		"a folder":                        {func(f *regularfile.Found) { f.File.Mode = fs.ModeDir }, "/logs/x-out.log", NotRegular},
		"/proc/self/environ":              {func(f *regularfile.Found) { f.Virtual = true }, "/logs/x-out.log", NotRegular},
		"the output that PM2 writes":      {func(f *regularfile.Found) { f.Path = "/logs/agent-out.log" }, "/logs/agent-out.log", OwnFile},
		"a link to it":                    {func(f *regularfile.Found) { f.Path = "/logs/agent-error.log" }, "/logs/x-out.log", OwnFile},
		"its name where links lead there": {func(f *regularfile.Found) { f.Path = "/data/logs/agent-out.log" }, "/logs/agent-out.log", OwnFile},
		"a file that is open for writing": {func(f *regularfile.Found) { f.File.Device, f.File.Inode = 1, 8 }, "/logs/x-out.log", OwnFile},
		"the queue":                       {func(f *regularfile.Found) { f.File.Device, f.File.Inode = 1, 7 }, "/logs/x-out.log", OwnFile},
		"the number on another disk":      {func(f *regularfile.Found) { f.File.Device, f.File.Inode = 2, 7 }, "/logs/x-out.log", ""},
		"a link beside the queue": {func(f *regularfile.Found) {
			f.Path, f.Links = "/state/queue.damaged", []regularfile.Link{last(app, app)}
		}, "/logs/x-out.log", OwnFile},
		"a link to a folder of that name":  {func(f *regularfile.Found) { f.Path, f.Links = "/stately/log", []regularfile.Link{last(app, app)} }, "/logs/x-out.log", ""},
		"a log in the folder of the queue": {func(f *regularfile.Found) { f.Path = "/state/x-out.log" }, "/state/x-out.log", ""},
		"a link to what is excluded":       {func(f *regularfile.Found) { f.Path, f.Links = "/no/log", []regularfile.Link{last(app, app)} }, "/logs/x-out.log", Excluded},
	} {
		f := found(app, app, 0o600, 1)
		c.change(f)
		for _, any := range []bool{false, true} {
			g := New(Settings{User: root, Own: own, AnyOwner: any, Excluded: func(path string) bool { return path == "/no/log" }})
			got, why := g.judge(f, c.path)
			assert.Equal(t, c.want, got, "%s: %s", name, why)
		}
	}
}

func TestOwn_NamesOutputOnlyIfPM2RunsThisProcess(t *testing.T) {
	own := NewOwn(func(name string) string { return map[string]string{"pm_out_log_path": "/logs/agent-out.log"}[name] })
	assert.False(t, own.wrote(regularfile.Identity{}, "/logs/agent-out.log", "/logs/agent-out.log"))
}

// A number is given to another file once its own is gone.
func TestOwn_RecognizesARotatedFileByMoreThanItsInode(t *testing.T) {
	own := NewOwn(func(string) string { return "" })
	own.list = func() []ownFile {
		return []ownFile{{regularfile.Identity{Device: 1, Inode: 7, Born: 100}, "/logs/archive.log"}}
	}
	at := regularfile.Identity{Device: 1, Inode: 7, Born: 100}
	assert.True(t, own.wrote(at, "/logs/archive.log", "/logs/archive.log"))
	own.list = func() []ownFile { return nil }
	own.looked = own.looked.Add(-listTTL)
	assert.True(t, own.wrote(at, "/logs/archive-1.log", "/logs/archive-1.log"), "rotated")
	assert.False(t, own.Writes(1, 7))
	for _, born := range []int64{0, 101} {
		at.Born = born
		assert.False(t, own.wrote(at, "/logs/x-out.log", "/logs/x-out.log"), "another file")
	}
}

func TestOwn_IsBounded(t *testing.T) {
	own := NewOwn(func(string) string { return "" })
	n := uint64(0)
	own.list = func() (all []ownFile) {
		for range 1000 {
			n++
			all = append(all, ownFile{at: regularfile.Identity{Inode: n, Born: 1}})
		}
		return all
	}
	for range 20 {
		own.looked = own.looked.Add(-listTTL)
		own.Writes(0, 1)
		assert.LessOrEqual(t, len(own.born), maxOwn)
		assert.LessOrEqual(t, len(own.open), 1000)
		assert.True(t, own.wrote(regularfile.Identity{Inode: n, Born: 1}, "", ""))
	}
}

func TestOwn_NilMatchesNothing(t *testing.T) {
	var own *Own
	assert.False(t, own.Writes(1, 1))
}
