// Package history compares the history of a registry with what was read of it
// before, so that a restored backup is not taken for a change.
//
// Every change gives a registry another revision number and a random token. A
// [Mark] is what a gateway remembers of the registry that it took last. What it
// reads later must have that mark in its history ([Judge]). A registry that does
// not is another history, such as a backup that was restored and then changed:
// keys revoked since the backup would work again. It is refused until an operator
// accepts it with "tenantctl registry accept-restore", which puts it into a later
// epoch.
//
// Independently of marks, [Revived] finds what would work again that was ended for
// good.
package history
