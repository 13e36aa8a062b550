// Package cumulative turns delta metrics into cumulative ones for backends that
// refuse a whole request because of one delta point in it.
package cumulative
