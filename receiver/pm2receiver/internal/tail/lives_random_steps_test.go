// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package tail

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

func (w *world) anApp() string { return w.apps[w.random.IntN(len(w.apps))] }

// one returns a file that has a name that is read, or nil.
func (w *world) one() *inode {
	var all []*inode
	for _, f := range w.files {
		if f.name != "" && !f.aside {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[w.random.IntN(len(all))]
}

func (w *world) text(f *inode) string {
	var b strings.Builder
	for range 1 + w.random.IntN(5) {
		w.count++
		line := fmt.Sprintf("line %04d%s", w.count, strings.Repeat(" and more", w.random.IntN(20)))
		f.lines, w.want = append(f.lines, line), append(w.want, line)
		b.WriteString(line + "\n")
	}
	return b.String()
}

// openLog opens a log as PM2 does.
func (w *world) openLog(name string) (*os.File, *inode) {
	file, err := os.OpenFile(w.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(w.t, err)
	f := w.at(name)
	if f == nil {
		f = &inode{name: name}
		w.files = append(w.files, f)
	}
	return file, f
}

func (w *world) reload(app string) {
	w.quit(app)
	w.writers[app], w.writing[app] = w.openLog(app + "-out.log")
}

func (w *world) quit(app string) {
	if file := w.writers[app]; file != nil {
		require.NoError(w.t, file.Close())
		delete(w.writers, app)
		delete(w.writing, app)
	}
}

func (w *world) append() {
	app := w.anApp()
	if f := w.writing[app]; f == nil || f.name == "" || f.aside && w.idle(f) {
		w.did("reload %s", app)
		w.reload(app)
	}
	text := w.text(w.writing[app])
	w.did("append %s (%s) %.9q", app, w.writing[app].name, text)
	_, err := w.writers[app].WriteString(text)
	require.NoError(w.t, err)
}

func (w *world) step() {
	switch n := w.random.IntN(100); {
	case n < 35:
		w.append()
	case n < 42:
		if f := w.one(); f != nil {
			file, _ := w.openLog(f.name)
			text := w.text(f)
			w.did("append to %s %.9q", f.name, text)
			_, err := file.WriteString(text)
			require.NoError(w.t, err)
			require.NoError(w.t, file.Close())
		}
	case n < 50:
		app := w.anApp()
		w.did("reload %s", app)
		w.reload(app)
	case n < 65:
		w.rename()
	case n < 72:
		w.rotate()
	case n < 78:
		w.truncate()
	case n < 82:
		if f := w.one(); f != nil && w.read() {
			w.did("remove %s", f.name)
			w.gone(f)
			require.NoError(w.t, os.Remove(w.path(f.name)))
			f.name = ""
		}
	case n < 86:
		if w.rejects == 0 {
			w.did("reject")
			w.rejects = 1 + w.random.IntN(4)
			w.rejectWith(func([]string) error { return errRejected })
		}
	case n < 91:
		if w.away == 0 {
			w.did("stop")
			w.tended()
			w.stop()
			w.away = 1 + w.random.IntN(5)
		}
	case w.read():
		steps := []time.Duration{time.Second, 6 * time.Second, scanInterval, time.Minute, rotatedTimeout + time.Second, rotatedTimeout + time.Second, time.Hour}
		d := steps[w.random.IntN(len(steps))]
		w.placed()
		w.did("pass %v", d)
		w.pass(d)
		w.waitForPoll()
	}
}

func (w *world) waitForPoll() { w.polls(3) }

// gone ends the writers of a file that is about to go.
func (w *world) gone(f *inode) {
	for app, is := range w.writing {
		if is == f {
			w.quit(app)
		}
	}
}

// rename gives a file a name that is read, which may be that of another.
func (w *world) rename() {
	f := w.one()
	if f == nil || w.idle(f) {
		return
	}
	names := []string{strings.TrimSuffix(f.name, ".log") + "-old.log", w.anApp() + "-out.log", w.anApp() + "-out-old.log", "0.log"}
	to := names[w.random.IntN(len(names))]
	if to == f.name || strings.Count(to, "old") > 2 {
		return
	}
	if other := w.at(to); other != nil {
		if !w.read() {
			return
		}
		w.gone(other)
		other.name = ""
	}
	w.move(f, to)
}

func (w *world) move(f *inode, to string) {
	w.did("rename %s %s", f.name, to)
	if f.moved == 0 || w.own(f) {
		f.moved = max(w.clock, 1)
	}
	require.NoError(w.t, os.Rename(w.path(f.name), w.path(to)))
	f.name, f.placed = to, false
}

// rotate gives a file a name that is not read for itself.
func (w *world) rotate() {
	if f := w.one(); f != nil && f.seen && (f.moved == 0 || w.own(f)) {
		w.move(f, w.copyName(f.name, true))
		f.aside = true
	}
}

func (w *world) copyName(of string, moved bool) string {
	w.count++
	stem := strings.TrimSuffix(of, ".log")
	names := []string{
		fmt.Sprintf("%s__2026-11-21_00-%02d-%02d.log", stem, w.count/60%60, w.count%60),
		fmt.Sprintf("%s.%d", of, w.count),
		fmt.Sprintf("%s-2026%04d", of, w.count),
	}
	if moved {
		names = append(names, fmt.Sprintf("%s.bak%d", stem, w.count))
	}
	return names[w.random.IntN(len(names))]
}

// truncate empties a file, with a copy or without.
func (w *world) truncate() {
	f := w.one()
	if f == nil || !w.read() {
		return
	}
	w.waitForPoll() // what is written next must not bear the time of what was
	w.placed()
	// A copy of a file that is another stream's is known as such for a moment only.
	if w.random.IntN(2) == 0 && (f.moved == 0 || w.own(f)) {
		name := w.copyName(f.name, false)
		w.did("copy %s %s", f.name, name)
		from, err := os.Open(w.path(f.name))
		require.NoError(w.t, err)
		to, err := os.Create(w.path(name))
		require.NoError(w.t, err)
		_, err = io.Copy(to, from)
		require.NoError(w.t, err)
		require.NoError(w.t, to.Close())
		require.NoError(w.t, from.Close())
	}
	w.did("truncate %s", f.name)
	require.NoError(w.t, os.Truncate(w.path(f.name), 0))
	f.seen = false
}
