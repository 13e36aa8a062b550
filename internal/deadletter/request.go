// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package deadletter

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// requestFolder is the folder below the directory for requests and reports. The gateway creates it, so
	// that it may write there.
	requestFolder = ".replay"

	requestExtension = ".request"
	reportExtension  = ".report"

	// requestAge is how long a request is valid. An abandoned request must not begin at the next
	// start of a gateway.
	requestAge = time.Minute

	// reportAge is how long an abandoned report is kept.
	reportAge = time.Hour

	// maxRequest bounds the size of a request or report.
	maxRequest = 16 << 20

	// Heartbeat is the interval at which a gateway writes the report of the request that it works on.
	Heartbeat = time.Second
)

// ErrNoGateway is returned if no gateway has created the folder for requests.
var ErrNoGateway = errors.New("no gateway has run with this dead_letter::directory")

// Report is the progress of a gateway with a request.
type Report struct {
	Time   time.Time     `json:"time"` // when it was written
	Done   bool          `json:"done"`
	Error  string        `json:"error,omitempty"` // why it is done although dead letters remain
	Groups []GroupReport `json:"groups,omitempty"`
}

// GroupReport is the progress with the dead letters of a tenant, destination and signal.
type GroupReport struct {
	Tenant      string `json:"tenant"`
	Destination string `json:"destination"`
	Signal      string `json:"signal"`
	Sent        int    `json:"sent"`
	Rejected    int    `json:"refused"`
	Left        int    `json:"left"`              // rejected again, or not sent
	Damaged     int    `json:"damaged,omitempty"` // lines that cannot be sent
	Skipped     int    `json:"skipped,omitempty"` // files that were written to within QuietPeriod
	Message     string `json:"message,omitempty"` // why dead letters are left
}

// Request is a replay request of a client.
type Request struct{ base string }

// RequestReplay asks the gateway that writes to directory to send the dead letters that match f again, each
// to the destination that rejected it.
func RequestReplay(directory string, f Filter) (*Request, error) {
	folder := filepath.Join(directory, requestFolder)
	switch info, err := os.Stat(folder); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoGateway
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a folder", folder)
	}
	data, err := json.Marshal(f)
	if err != nil {
		return nil, err
	}
	r := &Request{filepath.Join(folder, fmt.Sprintf("%020d-%d", time.Now().UnixNano(), os.Getpid()))}
	return r, replaceFile(r.base+requestExtension, data)
}

// Report returns the report of the gateway, or nil if none has begun yet.
func (r *Request) Report() (*Report, error) {
	data, err := readSmall(r.base + reportExtension)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var report Report
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("the gateway's report: %w", err)
	}
	return &report, nil
}

// Withdraw makes the gateway stop after the dead letter that it is sending.
func (r *Request) Withdraw() error { return removeIfThere(r.base + requestExtension) }

// Close removes the files of the request.
func (r *Request) Close() error {
	return errors.Join(r.Withdraw(), removeIfThere(r.base+reportExtension))
}

// RequestQueue is the folder in which a gateway finds requests.
type RequestQueue struct{ folder string }

// OpenRequestQueue creates the folder for requests to replay dead letters of directory.
func OpenRequestQueue(directory string) (*RequestQueue, error) {
	q := &RequestQueue{filepath.Join(directory, requestFolder)}
	return q, os.MkdirAll(q.folder, 0o750)
}

// Job is a request that a gateway works on.
type Job struct {
	Filter
	base string
}

// Next returns the oldest valid request, or nil if there is none. It removes abandoned files.
func (q *RequestQueue) Next(now time.Time) (*Job, error) {
	entries, err := os.ReadDir(q.folder)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed since ReadDir, or not a request
		}
		path := filepath.Join(q.folder, e.Name())
		base, isRequest := strings.CutSuffix(path, requestExtension)
		switch age := now.Sub(info.ModTime()); {
		case isRequest && age <= requestAge:
			j, err := readJob(base)
			if err == nil {
				return j, nil
			}
			if err := removeIfThere(path); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("failed to parse a request to replay dead letters: %w", err)
		case isRequest || age > reportAge:
			if err := removeIfThere(path); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func readJob(base string) (*Job, error) {
	data, err := readSmall(base + requestExtension)
	if err != nil {
		return nil, err
	}
	j := &Job{base: base}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields() // without the unknown filter, more dead letters would match
	return j, dec.Decode(&j.Filter)
}

// Withdrawn reports whether the client has withdrawn the request.
func (j *Job) Withdrawn() bool {
	_, err := os.Stat(j.base + requestExtension)
	return errors.Is(err, fs.ErrNotExist)
}

// Report writes r for the client. Set r.Done in the last one.
func (j *Job) Report(r *Report) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	err = replaceFile(j.base+reportExtension, data)
	if r.Done {
		err = errors.Join(err, removeIfThere(j.base+requestExtension))
	}
	return err
}

// Wait calls show with each new report until one is done, and returns that one. It returns an error if
// ctx ends, if the gateway has not begun within begin, or if it has not written a report for quiet.
func (r *Request) Wait(ctx context.Context, begin, quiet time.Duration, show func(*Report)) (*Report, error) {
	const poll = 50 * time.Millisecond
	ticker := time.NewTicker(poll)
	defer ticker.Stop()
	var last *Report
	since := time.Now() // of the last report, by this clock
	for {
		report, err := r.Report()
		if err != nil {
			return last, err
		}
		if report != nil && (last == nil || !report.Time.Equal(last.Time)) {
			last, since = report, time.Now()
			show(report)
		}
		switch silent := time.Since(since); {
		case last != nil && last.Done:
			return last, nil
		case last == nil && silent > begin:
			return nil, fmt.Errorf("no gateway has taken the request within %s; check that one is running with this dead_letter::directory", begin)
		case last != nil && silent > quiet:
			return last, fmt.Errorf("the gateway has not reported for %s and may have stopped; delivered dead letters are recorded, so repeat the command", quiet)
		}
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-ticker.C:
		}
	}
}

// replaceFile writes a file atomically. Any user who may enter the folder may read it: it contains no
// telemetry.
func replaceFile(path string, data []byte) error {
	temporary := path + ".tmp"
	if err := os.WriteFile(temporary, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxRequest {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, maxRequest)
	}
	return os.ReadFile(path)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
