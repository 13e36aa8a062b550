// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package pm2receiver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for "timezone" where the system has no time zones

	"github.com/bmatcuk/doublestar/v4"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-tenant/otelcol-tenant/internal/bytesize"
	"github.com/otelcol-tenant/otelcol-tenant/internal/durations"
	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/container"
)

// StartAt says where reading begins when there is no checkpoint.
type StartAt string

// Places to start at.
const (
	StartAtBeginning StartAt = "beginning"
	StartAtEnd       StartAt = "end"
)

// StackTraces says what becomes of a stack trace that was written as lines.
type StackTraces string

// Ways to treat stack traces.
const (
	StackTracesJoin     StackTraces = "join"
	StackTracesSeparate StackTraces = "separate"
)

// ANSI says what becomes of colors and other escape sequences of terminals.
type ANSI string

// Ways to treat escape sequences.
const (
	ANSIStrip ANSI = "strip"
	ANSIKeep  ANSI = "keep"
)

const (
	minLineSize     = 4 * bytesize.KiB
	maxLineSize     = 16 * bytesize.MiB
	minBufferSize   = 4 * bytesize.MiB
	maxBufferSize   = 16 * bytesize.GiB
	minPollInterval = 10 * time.Millisecond
	maxPollInterval = time.Minute
)

// Config is the end-user configuration of the receiver.
type Config struct {
	// Home is the folder of a PM2 daemon; logs/*.log and pm2.log in it are read. Defaults
	// to $PM2_HOME, else ~/.pm2.
	Home string `mapstructure:"home"`

	// Homes are patterns of folders of PM2 daemons, which are read as Home is. With it
	// Home has no default.
	Homes []string `mapstructure:"homes"`

	// Include are patterns of log files to read instead of those in logs of Home.
	Include []string `mapstructure:"include"`

	// Exclude are patterns of log files not to read, also not through links.
	Exclude []string `mapstructure:"exclude"`

	// StartAt is where reading starts in files that exist at the very first start of the
	// receiver. Files that appear later are always read from the beginning. Defaults to
	// beginning.
	StartAt StartAt `mapstructure:"start_at"`

	// Storage is the extension that keeps checkpoints. Without it every start is the
	// first.
	Storage *component.ID `mapstructure:"storage"`

	// PollInterval is how often files are checked for changes. Defaults to 100ms.
	PollInterval time.Duration `mapstructure:"poll_interval"`

	// IncludeLogRecordOriginal adds log.record.original, the line exactly as the
	// application wrote it.
	IncludeLogRecordOriginal bool `mapstructure:"include_log_record_original"`

	// SeverityFromStderr sets the severity of lines on stderr without a level to ERROR.
	SeverityFromStderr bool `mapstructure:"severity_from_stderr"`

	// Timezone is the zone of times without one: Local, UTC, or a name of the
	// time zone database. Defaults to Local.
	Timezone string `mapstructure:"timezone"`

	// MaxLineSize is the size above which a line is split into several records. Defaults to
	// 1MiB.
	MaxLineSize bytesize.Size `mapstructure:"max_line_size"`

	// MaxBufferSize bounds the memory of what was read and not yet accepted, of all files
	// together. At the bound, long lines wait for each other and partial lines are sent as they
	// are. Defaults to 64MiB.
	MaxBufferSize bytesize.Size `mapstructure:"max_buffer_size"`

	// ReadAnyOwner also reads files and links that the rules for machines with hostile users
	// refuse because of their owner. Defaults to false.
	ReadAnyOwner bool `mapstructure:"read_any_owner"`

	// ParseApplicationJSON parses lines that are JSON objects. Defaults to true.
	ParseApplicationJSON bool `mapstructure:"parse_application_json"`

	// StackTraces is join, for one record of a stack trace or of an object that is printed over
	// several lines, or separate, for one record of every line. Defaults to join.
	StackTraces StackTraces `mapstructure:"stack_traces"`

	// ProcessList configures the request for the files that PM2 writes, and for which
	// application.
	ProcessList ProcessListConfig `mapstructure:"process_list"`

	// Container is the format of files that are the logs of containers: docker, cri, none, or
	// auto, which detects it by the path and the first line of a file. Defaults to auto.
	Container container.Format `mapstructure:"container"`

	// ANSI is strip, which removes colors and other escape sequences from bodies and attributes,
	// or keep. Defaults to strip. log.record.original always has them.
	ANSI ANSI `mapstructure:"ansi"`

	// DaemonLog configures the log of PM2's daemon.
	DaemonLog DaemonLogConfig `mapstructure:"daemon_log"`

	// Metrics configures the collection of metrics. It applies to pipelines of metrics only.
	Metrics MetricsConfig `mapstructure:"metrics"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var (
	_ component.Config  = (*Config)(nil)
	_ confmap.Validator = (*Config)(nil)
)

// Validate implements confmap.Validator.
func (c *Config) Validate() error {
	errs := []error{durations.Check(c)}
	for _, pattern := range c.Include {
		errs = append(errs, validPattern("include", pattern))
	}
	for _, pattern := range c.Exclude {
		errs = append(errs, validPattern("exclude", pattern))
	}
	for _, pattern := range c.Homes {
		errs = append(errs, validPattern("homes", pattern))
	}
	if c.StartAt != StartAtBeginning && c.StartAt != StartAtEnd {
		errs = append(errs, fmt.Errorf(`"start_at" must be %q or %q, got %q`, StartAtBeginning, StartAtEnd, c.StartAt))
	}
	if c.PollInterval < minPollInterval || c.PollInterval > maxPollInterval {
		errs = append(errs, fmt.Errorf(`"poll_interval" must be between %v and %v, got %v`, minPollInterval, maxPollInterval, c.PollInterval))
	}
	// LoadLocation takes an empty name for UTC.
	if _, err := time.LoadLocation(c.Timezone); err != nil || c.Timezone == "" {
		errs = append(errs, fmt.Errorf(`"timezone" %q is not Local, UTC or a name such as Europe/Berlin`, c.Timezone))
	}
	if c.MaxLineSize < minLineSize || c.MaxLineSize > maxLineSize {
		errs = append(errs, fmt.Errorf(`"max_line_size" must be between %v and %v, got %v`, minLineSize, maxLineSize, c.MaxLineSize))
	}
	if c.MaxBufferSize < minBufferSize || c.MaxBufferSize > maxBufferSize {
		errs = append(errs, fmt.Errorf(`"max_buffer_size" must be between %v and %v, got %v`, minBufferSize, maxBufferSize, c.MaxBufferSize))
	}
	if !slices.Contains([]container.Format{container.Auto, container.Docker, container.CRI, container.None}, c.Container) {
		errs = append(errs, fmt.Errorf(`"container" must be %q, %q, %q or %q, got %q`, container.Auto, container.Docker, container.CRI, container.None, c.Container))
	}
	if !slices.Contains([]StackTraces{StackTracesJoin, StackTracesSeparate}, c.StackTraces) {
		errs = append(errs, fmt.Errorf(`"stack_traces" must be %q or %q, got %q`, StackTracesJoin, StackTracesSeparate, c.StackTraces))
	}
	if !slices.Contains([]ANSI{ANSIStrip, ANSIKeep}, c.ANSI) {
		errs = append(errs, fmt.Errorf(`"ansi" must be %q or %q, got %q`, ANSIStrip, ANSIKeep, c.ANSI))
	}
	return errors.Join(errs...)
}

func validPattern(key, pattern string) error {
	if pattern == "" || !doublestar.ValidatePathPattern(pattern) {
		return fmt.Errorf(`%q has the invalid pattern %q`, key, pattern)
	}
	return nil
}

// patterns returns the patterns of Include and Exclude as absolute paths.
func (c *Config) patterns() (include, exclude []string, err error) {
	include = c.Include
	if len(include) == 0 {
		homes, err := c.homes()
		if err != nil {
			return nil, nil, err
		}
		for _, home := range homes {
			include = append(include, filepath.Join(home, "logs", "*.log"))
		}
	}
	if include, err = absolute(include); err != nil {
		return nil, nil, err
	}
	exclude, err = absolute(c.Exclude)
	return include, exclude, err
}

func absolute(patterns []string) ([]string, error) {
	all := make([]string, 0, len(patterns))
	for _, pattern := range patterns {
		pattern, err := expand(pattern)
		if err != nil {
			return nil, err
		}
		path, err := filepath.Abs(pattern)
		if err != nil {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}

// homes returns patterns of the folders of daemons, as absolute paths.
func (c *Config) homes() ([]string, error) {
	homes, err := absolute(c.Homes)
	if err != nil || c.Home == "" && len(homes) > 0 {
		return homes, err
	}
	home, err := c.home()
	if err == nil {
		home, err = filepath.Abs(home)
	}
	if err != nil {
		return nil, err
	}
	// Home is a path, not a pattern: its name may contain anything.
	return append([]string{escape(home)}, homes...), nil
}

func (c *Config) home() (string, error) {
	if c.Home != "" {
		return expand(c.Home)
	}
	if home := os.Getenv("PM2_HOME"); home != "" {
		return home, nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf(`"home" is not set and there is no home folder, set PM2_HOME: %w`, err)
	}
	return filepath.Join(user, ".pm2"), nil
}

// expand replaces a leading ~ as a shell does.
func expand(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("there is no home folder for %q: %w", path, err)
	}
	return user + path[1:], nil
}

func escape(path string) string {
	var b []byte
	for i := range len(path) {
		switch path[i] {
		case '*', '?', '[', ']', '{', '}', '\\':
			b = append(b, '\\')
		}
		b = append(b, path[i])
	}
	return string(b)
}
