package rejection

// ForIdentity returns the rejection of a caller that may not send a signal, for one
// of the reasons that the identity of the caller gives.
func ForIdentity(reason Reason, signal string) *Error {
	switch reason {
	case NotLoaded:
		return New(reason, "the tenant registry has not been loaded yet")
	case Suspended:
		return New(reason, "the tenant is suspended")
	case Scope:
		return New(reason, "the API key may not send "+signal)
	}
	return New(Unauthenticated, "the tenant of the API key does not exist")
}

// NoIdentity returns the rejection of a request without an authenticated tenant.
func NoIdentity() *Error {
	return New(Unauthenticated, "the request has no authenticated tenant")
}
