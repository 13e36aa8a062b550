// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package agentsetup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/otelcol-tenant/otelcol-tenant/internal/agentinstall"
	"github.com/otelcol-tenant/otelcol-tenant/internal/apikey"
	"github.com/otelcol-tenant/otelcol-tenant/internal/asuser"
	"github.com/otelcol-tenant/otelcol-tenant/internal/atomicfile"
	"github.com/otelcol-tenant/otelcol-tenant/internal/safepath"
)

const keyName = "agent.key"

// Delivery is where DeliverKey takes the key from, and who runs it.
type Delivery struct {
	Root        string // of the machine's files; empty: /
	Credentials string // the folder of credentials of the service, $CREDENTIALS_DIRECTORY
	Runtime     string // the runtime folder of the service, $RUNTIME_DIRECTORY
}

// DeliverKey copies the key to the file that the agent reads. Before the start of the service it runs as the
// agent's user and takes the credential that systemd has passed. At a reload it runs as root and takes the
// file. It returns a sentence about what it did. A service without a key file is no error: its environment
// may have the key.
func DeliverKey(d Delivery) (string, error) {
	unit, err := agentinstall.FindUnit(cmp.Or(d.Root, "/"), agentinstall.UnitName)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if os.Geteuid() != 0 {
		return deliverCredential(d)
	}
	source, user := defaultKeyFile, defaultUser
	if unit != nil {
		source, user = cmp.Or(unit.Credentials[keyName], source), cmp.Or(unit.User, "root")
	}
	source = filepath.Join(cmp.Or(d.Root, "/"), source)
	key, err := readKeyFile(source)
	if errors.Is(err, fs.ErrNotExist) {
		return "There is no " + source + ", so the agent keeps its key.", nil
	}
	if err != nil {
		return "", err
	}
	u, err := asuser.Lookup(user)
	if err != nil {
		return "", err
	}
	to := filepath.Join(cmp.Or(d.Root, "/"), cmp.Or(d.Runtime, defaultRuntime))
	if err := writeFor(u, to, key); err != nil {
		return "", err
	}
	return "The agent has the key of " + source + ".", nil
}

func deliverCredential(d Delivery) (string, error) {
	if d.Credentials == "" || d.Runtime == "" {
		return "", errors.New("only root and the service itself deliver the key: run `systemctl reload otelcol-tenant-agent`")
	}
	key, err := readKeyFile(filepath.Join(d.Credentials, keyName))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoKey):
		return "There is no key in " + defaultKeyFile + ". The agent needs TENANT_KEY in its environment, or run `tenantctl setup`.", nil
	case err != nil:
		return "", err
	}
	return "The agent has the key that systemd passed.", atomicfile.Write(filepath.Join(d.Runtime, keyName), []byte(key+"\n"))
}

var errNoKey = errors.New("the file has other content than one API key of the form obs_<key id>_<secret>, or one of its characters is wrong")

// readKeyFile returns the key in a file. Its errors do not contain the content.
func readKeyFile(path string) (string, error) {
	key, err := apikey.ReadFile(path)
	if errors.Is(err, apikey.ErrEmptyFile) {
		return "", fmt.Errorf("%s: %w", path, errNoKey)
	}
	if err != nil {
		return "", err
	}
	if _, err := apikey.ID(key); err != nil {
		return "", fmt.Errorf("%s: %w", path, errNoKey)
	}
	return key, nil
}

// writeFor replaces the key file in a folder of a user who may be hostile. It works on open files only, so that
// links in the folder have no effect.
func writeFor(u *asuser.User, dir, key string) (err error) {
	folder, err := safepath.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if !folder.IsDir() || folder.Stat.Uid != u.UID {
		return fmt.Errorf("%s is not a folder of %s", dir, u.Name)
	}
	const fresh = "." + keyName + ".new"
	fd := int(folder.Fd())
	if err := unix.Unlinkat(fd, fresh, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "unlink", Path: filepath.Join(dir, fresh), Err: err}
	}
	n, err := unix.Openat(fd, fresh, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return &fs.PathError{Op: "create", Path: filepath.Join(dir, fresh), Err: err}
	}
	f := os.NewFile(uintptr(n), filepath.Join(dir, fresh))
	_, err = f.WriteString(key + "\n")
	err = errors.Join(err, f.Chown(int(u.UID), int(u.GID)), f.Close())
	if err != nil {
		return errors.Join(err, unix.Unlinkat(fd, fresh, 0))
	}
	if err := unix.Renameat(fd, fresh, fd, keyName); err != nil {
		return &fs.PathError{Op: "rename", Path: filepath.Join(dir, keyName), Err: err}
	}
	return nil
}
