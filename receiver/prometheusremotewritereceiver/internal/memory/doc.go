// Package memory remembers what tenants' remote writers send apart from samples: the
// metadata of metric families and the labels of target_info.
package memory
