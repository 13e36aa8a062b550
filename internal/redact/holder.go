package redact

// Holder is an extension that puts secrets into requests, such as an authenticator. Who
// shows what a server answers to such a request asks it first.
type Holder interface {
	// Secrets returns the secrets of the moment. It is safe for concurrent use.
	Secrets() []string
}
