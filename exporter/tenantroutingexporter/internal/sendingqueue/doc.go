// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

// Package sendingqueue reads the requests that the sending queue of another exporter left in a
// storage extension, so that an exporter that replaces it can deliver them.
//
// A sending queue of exporterhelper has a key for each request, which is its number, and a key for
// the metadata of the queue. A request is removed from storage after it is sent, so every stored
// request has not been sent, whatever the metadata is: after a full disk the metadata may not
// include it.
package sendingqueue
