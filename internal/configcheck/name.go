// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package configcheck

import "slices"

// Name identifies a check independent of the text of its findings. Names do not change.
type Name string

// The checks. A check either refuses or warns.
const (
	NoTenant           Name = "no_tenant"            // refuses
	MergesBehindTenant Name = "merges_behind_tenant" // refuses
	MergesBeforeTenant Name = "merges_before_tenant" // refuses
	NoAuthenticator    Name = "no_authenticator"     // refuses
	QueueInUse         Name = "queue_in_use"         // refuses
	EndpointScheme     Name = "endpoint_scheme"      // refuses
	EndpointPath       Name = "endpoint_path"        // refuses
	ServiceLink        Name = "service_link"         // refuses
	DirectSkips        Name = "direct_skips"         // refuses

	UnknownConnector      Name = "unknown_connector"
	UnknownAuthenticator  Name = "unknown_authenticator"
	NoMemoryLimiter       Name = "no_memory_limiter"
	MemoryLimiterNotFirst Name = "memory_limiter_not_first"
	NoStorage             Name = "no_storage"
	NoDeadLetters         Name = "no_dead_letters"
	NoRoutingRegistry     Name = "no_routing_registry"
	ExporterDrops         Name = "exporter_drops"
	QueueInMemory         Name = "queue_in_memory"
	EndpointPort          Name = "endpoint_port"
	EndpointDoubtful      Name = "endpoint_doubtful"
	ReceiverPort          Name = "receiver_port"
	GuardedTwice          Name = "guarded_twice"
	GuardWithoutRegistry  Name = "guard_without_registry"
	NoGuard               Name = "no_guard"
	SeveralGuards         Name = "several_guards"
	SeveralRegistries     Name = "several_registries"
	LateAuthentication    Name = "late_authentication"

	MemoryOfMachine Name = "memory_of_machine" // of CheckMemory
)

// Refusals returns the checks whose findings refuse a configuration.
func Refusals() []Name {
	return []Name{NoTenant, MergesBehindTenant, MergesBeforeTenant, NoAuthenticator, QueueInUse, EndpointScheme, EndpointPath, ServiceLink, DirectSkips}
}

// Names returns all checks of [Check], without those of [CheckMemory].
func Names() []Name {
	return slices.Concat(Refusals(), []Name{
		UnknownConnector, UnknownAuthenticator, NoMemoryLimiter, MemoryLimiterNotFirst, NoStorage, NoDeadLetters, NoRoutingRegistry,
		ExporterDrops, QueueInMemory, EndpointPort, EndpointDoubtful, ReceiverPort, GuardedTwice, GuardWithoutRegistry, NoGuard,
		SeveralGuards, SeveralRegistries, LateAuthentication,
	})
}
