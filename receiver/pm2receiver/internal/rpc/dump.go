package rpc

import (
	"errors"
	"io"
)

// Saved reads what a PM2 daemon has saved of its processes, dump.pm2 of size bytes: it
// holds the environment of each, of which nothing is kept either. The processes have no
// numbers, which are new each time that a daemon starts, and no state: ID is -1.
func Saved(r io.Reader, size int64, most int) (List, error) {
	buf := make([]byte, bufferSize)
	defer clear(buf)
	s := &scanner{src: source{r: r, buf: buf, left: size}}
	defer clear(s.text[:])
	var list List
	err := s.array(func() error {
		p := Process{ID: -1}
		err := s.object(func(key []byte) error {
			switch string(key) {
			case "name":
				return s.keep(&p.Name)
			case "pm_out_log_path":
				return s.keep(&p.Logs.Out)
			case "pm_err_log_path":
				return s.keep(&p.Logs.Err)
			case "pm_log_path":
				return s.keep(&p.Logs.Both)
			}
			return s.skip()
		})
		switch {
		case err != nil:
			return err
		case p.Name == "":
		case len(list.Processes) >= most:
			list.More++
		default:
			list.Processes = append(list.Processes, p)
		}
		return nil
	})
	if err == nil {
		err = s.end()
	}
	if err != nil {
		// Nothing of what was read goes into an error.
		return List{}, errors.New("the file is not what PM2 saves of its processes")
	}
	return list, nil
}
