package audit

import (
	"fmt"
	"os"
	"os/user"
)

// SystemUser returns the user of the system and the machine, as user@host.
func SystemUser() string {
	name := fmt.Sprintf("uid-%d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return name + "@" + host
}
