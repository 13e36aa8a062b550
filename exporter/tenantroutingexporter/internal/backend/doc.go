// Package backend speaks to the places that destinations name: OTLP servers over
// HTTP and gRPC, and archives of files. It turns each of their answers into a
// [lane.Verdict].
//
// Clients and connections are shared by everything that has the same endpoint
// and transport settings; what differs per tenant, headers above all, is applied
// per request.
package backend
