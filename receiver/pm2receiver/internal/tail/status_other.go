//go:build !unix

package tail

import (
	"io/fs"
	"os"
)

const openFolder = os.O_RDONLY

func statusOf(info fs.FileInfo) status {
	return status{size: info.Size(), modified: info.ModTime().UnixNano(), links: 1}
}
