//go:build !unix

package guard

import "time"

// processTime returns 0: how long the process has used processors is not known.
func processTime() time.Duration { return 0 }
