package tail

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/otelcol-tenant/otelcol-tenant/receiver/pm2receiver/internal/decode"
)

const (
	checkpointVersion = 1
	indexKey          = "streams"
	countKey          = "count"
	sinceKey          = "since"
)

// Checkpoint is everything that is needed to go on with a stream in another
// process. It only ever tells of what the next consumer has accepted.
type Checkpoint struct {
	Version int `json:"version"`
	// Count numbers the contents that the stream has had, for their IDs.
	Count uint64 `json:"count"`
	// Files are those being read, in order; the last one is the stream's own.
	Files []Mark `json:"files,omitempty"`
	// Past are contents that have gone from where they were read. A rotated copy may
	// still turn up and hold what was not read of them.
	Past []Mark `json:"past,omitempty"`
	// Seen are relatives of the file that need no reading.
	Seen []Seen `json:"seen,omitempty"`
	// State is what the decoder holds back.
	State decode.State `json:"state"`
}

// Seen tells a file that has been dealt with from one that came later, even if it
// has the same name or inode.
type Seen struct {
	Device   uint64 `json:"device"`
	Inode    uint64 `json:"inode"`
	Size     int64  `json:"size"`
	Modified int64  `json:"modified"`
}

// Store keeps checkpoints in a storage extension.
type Store struct{ client storage.Client }

// NewStore returns a store on client.
func NewStore(client storage.Client) *Store { return &Store{client: client} }

func streamKey(path string) string { return "stream:" + path }

// Streams returns the paths of all streams that have a checkpoint. It reports false
// if there never was one.
func (s *Store) Streams(ctx context.Context) ([]string, bool, error) {
	data, err := s.client.Get(ctx, indexKey)
	if err != nil || data == nil {
		return nil, false, err
	}
	var paths []string
	if err := json.Unmarshal(data, &paths); err != nil {
		return nil, true, fmt.Errorf("list of streams: %w", err)
	}
	return paths, true, nil
}

// Load returns the checkpoint of a stream, or nil if it has none.
func (s *Store) Load(ctx context.Context, path string) (*Checkpoint, error) {
	data, err := s.client.Get(ctx, streamKey(path))
	if err != nil || data == nil {
		return nil, err
	}
	var c Checkpoint
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("checkpoint of %s: %w", path, err)
	}
	if c.Version != checkpointVersion {
		return nil, fmt.Errorf("checkpoint of %s has version %d", path, c.Version)
	}
	return &c, nil
}

// Count returns the highest Checkpoint.Count of streams whose checkpoints were deleted.
func (s *Store) Count(ctx context.Context) (uint64, error) {
	data, err := s.client.Get(ctx, countKey)
	if err != nil || data == nil {
		return 0, err
	}
	count, err := strconv.ParseUint(string(data), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("count of contents: %w", err)
	}
	return count, nil
}

// Since returns when a reader first started on this store, or zero if nobody noted it.
func (s *Store) Since(ctx context.Context) (time.Time, error) {
	data, err := s.client.Get(ctx, sinceKey)
	if err != nil || data == nil {
		return time.Time{}, err
	}
	nanos, err := strconv.ParseInt(string(data), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("time of the first start: %w", err)
	}
	return time.Unix(0, nanos), nil
}

// Totals are what a Store knows besides the checkpoints of single streams.
type Totals struct {
	// Paths are those of all streams.
	Paths []string
	// Count is the highest Checkpoint.Count of streams whose checkpoints were deleted.
	Count uint64
	// Since is when a reader first started.
	Since time.Time
}

// Save writes the checkpoints of some streams, deletes those that are nil, and writes
// the totals, in one transaction.
func (s *Store) Save(ctx context.Context, changed map[string]*Checkpoint, all Totals) error {
	index, err := json.Marshal(all.Paths)
	if err != nil {
		return err
	}
	ops := []*storage.Operation{
		storage.SetOperation(indexKey, index),
		storage.SetOperation(countKey, strconv.AppendUint(nil, all.Count, 10)),
		storage.SetOperation(sinceKey, strconv.AppendInt(nil, all.Since.UnixNano(), 10)),
	}
	for path, c := range changed {
		if c == nil {
			ops = append(ops, storage.DeleteOperation(streamKey(path)))
			continue
		}
		data, err := json.Marshal(c)
		if err != nil {
			return err
		}
		ops = append(ops, storage.SetOperation(streamKey(path), data))
	}
	return s.client.Batch(ctx, ops...)
}

// Close closes the storage client.
func (s *Store) Close(ctx context.Context) error { return s.client.Close(ctx) }
