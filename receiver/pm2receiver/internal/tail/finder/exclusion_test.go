// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package finder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rotations are the names that programs give to copies of a file; STEM is its name without
// the extension EXT.
var rotations = map[string][]string{
	"logrotate":                    {"STEMEXT.1", "STEMEXT.12", "STEMEXT.2.gz", "STEMEXT.3.xz", "STEMEXT.4.bz2", "STEMEXT.5.zst"},
	"logrotate, dateext":           {"STEMEXT-20261121", "STEMEXT-20261121.gz", "STEMEXT-20261121.1", "STEMEXT-20261121-1795266516.zst"},
	"logrotate, dateformat":        {"STEMEXT.2026-11-21", "STEMEXT-2026-11-21-14", "STEMEXT_20261121", "STEMEXT-1795266516", "STEMEXT-21112026.gz", "STEMEXT-20261121T1408", "STEMEXT.20261121_140836", "STEMEXT-261121", "STEMEXT-2026"},
	"logrotate, extension":         {"STEM.1EXT", "STEM.12EXT", "STEM.3EXT.gz", "STEM.4EXT.zst"},
	"logrotate, extension, date":   {"STEM-20261120EXT", "STEM-20261121EXT.gz", "STEM-1763683200EXT", "STEM.2026-11-21EXT", "STEM-2026-11-21EXT.xz", "STEM_20261121EXT", "STEM-20261121-1763683200EXT", "STEM-21-11-2026EXT", "STEM-20261121_140836EXT", "STEM-2026-11-21T14:08:36EXT", "STEM.2026-11-21T00:00EXT", "STEM-261121EXT"},
	"logrotate, addextension":      {"STEMEXT.1.bak", "STEMEXT-20261121.old"},
	"pm2-logrotate":                {"STEM__2026-11-21_00-00-00EXT", "STEM__2026-11-21_00-00-00EXT.gz"},
	"pm2-logrotate, dateFormat":    {"STEM__21-NovEXT", "STEM__xEXT", "STEM__26.11.2026EXT", "STEM__Nov-26-2026 3amEXT.gz", "STEM__2026-11-26T03:00:00+01EXT", "STEM__SaturdayEXT", "STEM__YYYY-MM-DDEXT"},
	"newsyslog":                    {"STEMEXT.0", "STEMEXT.0.bz2", "STEMEXT.20261121T000000.gz", "STEMEXT.20261121T000000.zst", "STEMEXT.20261121T000000"},
	"winston-daily-rotate-file":    {"STEM-2026-11-21EXT", "STEM-2026-11-21EXT.1", "STEM-2026-11-21EXT.gz", "STEMEXT.2026-11-21", "STEM.2026-11-21-14EXT", "STEM-2026-11-21-14-08EXT.2.gz", "STEM-2026-W47EXT"},
	"pino-roll":                    {"STEM.1EXT", "STEM.2026-11-21.1EXT", "STEM.2026-11-21-14.3EXT", "STEMEXT.1", "STEMEXT.2026-11-21.2"},
	"file-stream-rotator":          {"STEM-20261121EXT", "STEM-20261121EXT.3", "STEM.20261121.3EXT", "STEMEXT.20261121"},
	"log4js dateFile":              {"STEMEXT.2026-11-21", "STEM.2026-11-21EXT", "STEM.2026-11-21.1EXT", "STEM.2026-11-21EXT.gz", "STEMEXT.2026-11-21.1", "STEMEXT.2026-11-21-14.gz", "STEM.1EXT", "STEMEXT.3"},
	"multilog, svlogd, rotatelogs": {"STEMEXT.1795266516", "STEMEXT.@20261121", "STEMEXT.2026-11-21-00_00_00", "STEM-1795266516000EXT"},
	"by hand":                      {"STEMEXT.old", "STEMEXT.bak", "STEMEXT~", "STEMEXT.orig", "STEM-Nov21EXT", "STEM-21Nov2026EXT", "STEM 2026-11-21EXT", "STEM@2026-11-21EXT"},
	"twice":                        {"STEM__2026-11-21_00-00-00EXT.1.gz", "STEM-20261121EXT-20261122", "STEM.1EXT.2.gz.old"},
}

// What is excluded is not read under the name of any rotated copy; other files whose names
// only begin alike are.
func TestExclusion_HoldsForRotatedCopies(t *testing.T) {
	names, all := []string{
		"secret.log", "api-out.log", "api-error.log", "api-out-3.log", "a__b-out.log", "v1.2-out.log", "my app-out.log", "pm2.log", // streams and combined files
		"custom.txt", "app.out", "error.json", "access.err", "plain", // out_file
	}, 0
	for _, name := range names {
		ext := filepath.Ext(name)
		stem := strings.TrimSuffix(name, ext)
		x := NewExclusion([]string{"/srv/logs/" + name})
		assert.True(t, x.Has("/srv/logs/"+name))
		for program, forms := range rotations {
			for _, form := range forms {
				copied := strings.NewReplacer("STEM", stem, "EXT", ext).Replace(form)
				assert.True(t, x.Has("/srv/logs/"+copied), "%s: %s of %s is read", program, copied, name)
				assert.False(t, x.Has("/srv/other/"+copied), "%s is of another folder", copied)
				all++
			}
		}
		for _, form := range []string{
			"STEM2EXT", "STEM-adminEXT", "STEM-admin-20261121EXT", "STEM_adminEXT", "STEM.adminEXT", "STEM2-20261121EXT", "STEMs.1EXT", "STEM-v2EXT", "STEM-2bEXT", "STEM-mayEXT", "STEM-marketEXT.1",
			"xSTEMEXT", "x-STEMEXT.1", "STEM-4-errorEXT", "STEM-3dEXT", "STEM-out-copyEXT", "STEM-20261121-adminEXT", "STEM-7EXT", "STEM-12EXT", "STEM-out-12EXT", "STEM_v1.2-outEXT",
		} {
			other := strings.NewReplacer("STEM", stem, "EXT", ext).Replace(form)
			assert.False(t, x.Has("/srv/logs/"+other), "%s is not read, but only %s is excluded", other, name)
		}
	}
	t.Logf("%d names of copies", all)
}

// Patterns and links hold for the copies, too.
func TestExclusion_PatternsHoldForRotatedCopies(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "real"), 0o700))
	require.NoError(t, os.Symlink("real", filepath.Join(dir, "link")))
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	x := NewExclusion([]string{filepath.Join(dir, "link", "secret.log"), filepath.Join(dir, "**", "*-error.log")})
	for name, want := range map[string]bool{
		"link/secret-20261120.log": true, "real/secret-20261120.log": true, "real/secret.1.log.gz": true, "real/secret2.log": false,
		"api-error-20261121.log": true, "a/b/api-error.1.log": true, "api-error__x.log.gz": true, "api-out-20261121.log": false, "api-error-log.log": false,
	} {
		assert.Equal(t, want, x.Has(filepath.Join(dir, name)), name)
	}
	assert.False(t, NewExclusion(nil).Has("/srv/logs/secret.1.log"))
}

// A name may be made to have very many originals.
func TestOriginals_AreBounded(t *testing.T) {
	for _, name := range []string{strings.Repeat("a.1", 80), strings.Repeat("__", 120) + ".log", strings.Repeat("1-", 120) + ".log", strings.Repeat("a.log.", 40)} {
		assert.LessOrEqual(t, len(originals(name)), maxOriginals)
	}
	assert.Equal(t, []string{"shop-out.log"}, originals("shop-out.log"))
}
