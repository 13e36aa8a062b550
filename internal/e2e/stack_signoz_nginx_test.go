// Copyright The otelcol-tenant Authors
// SPDX-License-Identifier: MIT

package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// TestSignozStack_Nginx sends telemetry of two tenants through the stack's nginx and the
// real gateway, and opens the user interfaces.
func TestSignozStack_Nginx(t *testing.T) {
	t.Parallel()
	r := newStackRig(t)
	acme, globex := r.key("acme"), r.key("globex")
	client := r.client(r.https, "127.0.0.2", true)

	spoofed := []string{"x-business-id", "globex", "X-Scope-OrgID", "globex", "x-oneuptime-token", "9d4b6a4e-1111-4222-8333-444455556666"}
	for _, c := range []struct {
		marker, host, key string
		addr              string
		headers           []string
		want              int
		backend           *stackBackend
		tenant            string
	}{
		{"rec:own-host", "otlp-acme", acme, r.https, nil, 200, r.acme, "acme"},
		{"rec:any-host", "otlp", acme, r.https, nil, 200, r.acme, "acme"},
		{"rec:own-port", "otlp-acme", acme, r.http4318, nil, 200, r.acme, "acme"},
		{"rec:grpc-port", "otlp-acme", acme, r.grpc, nil, 200, r.acme, "acme"},
		{"rec:spoofed-own", "otlp-acme", acme, r.https, spoofed, 200, r.acme, "acme"},
		{"rec:spoofed-any", "otlp", acme, r.https, spoofed, 200, r.acme, "acme"},
		{"rec:shared-own", "otlp-globex", globex, r.https, nil, 200, r.shared, "globex"},
		{"rec:shared-any", "otlp", globex, r.https, nil, 200, r.shared, "globex"},
		{"rec:other-host", "otlp-globex", acme, r.https, nil, 401, nil, ""},
		{"rec:other-host-2", "otlp-acme", globex, r.https, []string{"x-business-id", "globex"}, 401, nil, ""},
		{"rec:no-key", "otlp", "obs_wrong", r.https, nil, 401, nil, ""},
	} {
		for _, http2 := range []bool{false, true} {
			marker := fmt.Sprintf("%s-%t", c.marker, http2)
			got := r.send(r.client(c.addr, "127.0.0.2", http2), c.host, c.key, marker, c.headers...)
			assert.Equal(t, c.want, got.status, "%s: %s", marker, got.text)
			if c.backend == nil {
				continue
			}
			eventually(t, func() bool { return c.backend.header(marker) != nil }, marker+" did not arrive")
			assert.Equal(t, []string{c.tenant}, c.backend.header(marker).Values("x-business-id"), marker)
			if c.tenant == "acme" {
				eventually(t, func() bool { return r.oneuptime.header(marker) != nil }, marker+" did not arrive in OneUptime")
				assert.Equal(t, []string{"3e2bd13f-3b62-4f43-a5de-4a1f8ab0a3c1"}, r.oneuptime.header(marker).Values("x-oneuptime-token"), marker)
			}
		}
	}

	t.Run("grpc", func(t *testing.T) {
		for i, addr := range []string{r.https, r.grpc, r.http4318} {
			marker := fmt.Sprintf("rec:grpc-%d", i)
			require.NoError(t, r.call(addr, "otlp-acme", acme, logOf(marker), "x-business-id", "globex", "x-scope-orgid", "globex"))
			eventually(t, func() bool { return r.acme.header(marker) != nil }, marker+" did not arrive")
			assert.Equal(t, []string{"acme"}, r.acme.header(marker).Values("x-business-id"))
		}
		assert.Equal(t, codes.Unauthenticated, status.Code(r.call(r.grpc, "otlp-globex", acme, logOf("rec:grpc-other"))))
		assert.Equal(t, codes.Unimplemented, status.Code(r.call(r.https, "signoz-acme", acme, logOf("rec:grpc-ui"))), "nginx answers 404 on hosts of user interfaces")
	})

	t.Run("loki and remote write", func(t *testing.T) {
		push := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/loki/api/v1/push",
			fmt.Appendf(nil, `{"streams":[{"stream":{"service_name":"shop"},"values":[["%d","rec:loki"]]}]}`, time.Now().UnixNano()),
			"Content-Type", "application/json", "Authorization", "Bearer "+acme, "X-Scope-OrgID", "globex")
		assert.Equal(t, http.StatusNoContent, push.status, push.text)
		eventually(t, func() bool { return r.acme.header("rec:loki") != nil }, "the push did not arrive")
		write := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/api/v1/write", []byte("{}"), "Content-Type", "application/json", "Authorization", "Bearer "+acme)
		assert.Equal(t, http.StatusUnsupportedMediaType, write.status, write.text) // the receiver's own answer
		other := r.do(client, http.MethodGet, "https://otlp-acme."+stackDomain+"/api/v1/query", nil)
		assert.Equal(t, http.StatusNotFound, other.status)
	})

	t.Run("client address", func(t *testing.T) {
		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		_, bound := reg.key("acme", "--source-cidr", "127.0.0.2/32")
		eventually(t, func() bool {
			return r.send(client, "otlp-acme", bound, "rec:bound").status == http.StatusOK
		}, "the key is not accepted from its address")
		claims := []string{"X-Forwarded-For", "127.0.0.2", "Forwarded", "for=127.0.0.2", "X-Real-IP", "127.0.0.2"}
		got := r.send(r.client(r.https, "127.0.0.3", true), "otlp-acme", bound, "rec:unbound", claims...)
		assert.Equal(t, http.StatusUnauthorized, got.status, got.text)
	})

	t.Run("refusals pass unchanged", func(t *testing.T) {
		_, large := encoded(t, noise("rec:large", 22<<20))
		headers := []string{"Content-Type", "application/x-protobuf", "Authorization", "Bearer " + acme}
		got := r.do(client, http.MethodPost, "https://otlp-acme."+stackDomain+"/v1/logs", large, headers...)
		assert.Equal(t, http.StatusRequestEntityTooLarge, got.status, got.text)
		assert.NotContains(t, got.text, "nginx")
		err := r.call(r.grpc, "otlp-acme", acme, noise("rec:large", 22<<20))
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
		assert.Empty(t, status.Convert(err).Details(), "RetryInfo")

		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		reg.ctl("tenant", "create", "rated", "--limit", "logs.records_per_second=1", "--limit", "burst=1s", "--route", "logs=signoz_shared")
		_, rated := reg.key("rated")
		many := logOf("rec:rated")
		for range 50 {
			logOf("rec:rated").ResourceLogs().MoveAndAppendTo(many.ResourceLogs())
		}
		_, body := encoded(t, many)
		headers[3] = "Bearer " + rated
		eventually(t, func() bool {
			got = r.do(client, http.MethodPost, "https://otlp."+stackDomain+"/v1/logs", body, headers...)
			return got.status == http.StatusTooManyRequests
		}, "no 429")
		assert.NotEmpty(t, got.header.Get("Retry-After"))
		assert.NotContains(t, got.text, "nginx")
		err = r.call(r.grpc, "otlp", rated, many)
		assert.Equal(t, codes.ResourceExhausted, status.Code(err), err)
		assert.NotEmpty(t, status.Convert(err).Details(), "RetryInfo")
	})

	t.Run("user interfaces", func(t *testing.T) {
		get := func(host string, headers ...string) stackAnswer {
			return r.do(client, http.MethodGet, "https://"+host+"."+stackDomain+"/page", nil, headers...)
		}
		assert.Equal(t, "interface of acme", get("signoz-acme", append(spoofed, "X-Forwarded-For", "10.9.9.9")...).text)
		seen := r.ui["acme"].lastRequest()
		assert.Equal(t, "signoz-acme."+stackDomain, seen.Host)
		assert.Equal(t, []string{"127.0.0.2"}, seen.Header.Values("X-Forwarded-For"))
		assert.Empty(t, seen.Header.Get("x-business-id")+seen.Header.Get("X-Scope-OrgID"))
		assert.Equal(t, "interface of oneuptime", get("oneuptime").text)
		for _, path := range []string{"/otlp/v1/logs", "/telemetry/otlp/v1/logs", "/fluentd/logs", "/pyroscope/ingest", "/OTLP/v1/logs", "//otlp/v1/logs", "/x/../%6Ftlp/v1/logs"} {
			assert.Equal(t, http.StatusNotFound, r.do(client, http.MethodPost, "https://oneuptime."+stackDomain+path, nil).status, path)
		}
		assert.Equal(t, http.StatusForbidden, get("signoz").status, "the shared SigNoz is for the operator")
		r.write(filepath.Join("config", "nginx", "operators.conf"), "127.0.0.2/32 1;\n")
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
		fresh := func(from string) stackAnswer { // old connections stay with the old workers
			return r.do(r.client(r.https, from, false), http.MethodGet, "https://signoz."+stackDomain+"/", nil)
		}
		eventually(t, func() bool { return fresh("127.0.0.2").status == http.StatusOK }, "the operator is refused")
		assert.Equal(t, "interface of shared", fresh("127.0.0.2").text)
		assert.Equal(t, http.StatusForbidden, fresh("127.0.0.3").status)
	})

	t.Run("smoke test", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			missing(t, "curl")
		}
		r.env = append(r.env, "CA_FILE="+r.path("tls", "tls.crt"), "HTTPS_PORT="+port(r.https))
		out, err := r.try("smoke-test.sh", "acme", "globex", "--no-stores")
		require.NoError(t, err, out)
		assert.Equal(t, 11, strings.Count(out, "ok    "), out)
		assert.Contains(t, out, "not checked: rows in the stores")
		reg := &registry{t: t, path: r.path("registry", "tenants.yaml")}
		assert.Equal(t, 2, strings.Count(reg.ctl("key", "list"), `"revoked"`), "keys of the test remain")
		r.write(filepath.Join("hosts", "globex.otlp"), "otlp-globex."+stackDomain+" \"acme\";\n") // as after a wrong edit
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
		eventually(t, func() bool {
			out, err := r.try("smoke-test.sh", "acme", "globex", "--no-stores")
			return err != nil && strings.Contains(out, "FAIL  the key of acme at the host of globex: 200 instead of 401")
		}, "the smoke test does not notice a wrong host")
		r.write(filepath.Join("hosts", "globex.otlp"), "otlp-globex."+stackDomain+" \"globex\";\n")
		require.NoError(t, r.nginx.Signal(syscall.SIGHUP))
	})

	t.Run("unknown hosts", func(t *testing.T) {
		for _, addr := range []string{r.https, r.grpc, r.http4318} {
			for _, name := range []string{"other." + stackDomain, "otlp.example.com", ""} {
				conn, err := tls.Dial("tcp", addr, &tls.Config{ServerName: name, InsecureSkipVerify: true}) // only nginx's alert matters
				if err == nil {
					_ = conn.Close()
				}
				assert.Error(t, err, "%s %s", addr, name)
			}
		}
		fresh := r.client(r.https, "127.0.0.2", false)
		got := r.do(fresh, http.MethodGet, "https://otlp."+stackDomain+"/v1/logs", nil, "Host", "other."+stackDomain)
		assert.Equal(t, http.StatusMisdirectedRequest, got.status)
		plain := r.client(r.plain, "127.0.0.2", false)
		assert.Equal(t, http.StatusNotFound, r.do(plain, http.MethodGet, "http://other."+stackDomain+"/", nil).status)
		got = r.do(plain, http.MethodGet, "http://signoz-acme."+stackDomain+"/a?b=c", nil)
		assert.Equal(t, http.StatusPermanentRedirect, got.status)
		assert.Equal(t, "https://signoz-acme."+stackDomain+"/a?b=c", got.header.Get("Location"))
		for _, host := range []string{"signoz-acme", "otlp-new"} {
			got = r.do(plain, http.MethodGet, "http://"+host+"."+stackDomain+"/.well-known/acme-challenge/token", nil)
			assert.Equal(t, "challenge", got.text, host)
		}
		got = r.do(plain, http.MethodPost, "http://otlp."+stackDomain+"/v1/logs", nil, "Authorization", "Bearer "+acme)
		assert.Equal(t, http.StatusNotFound, got.status, "telemetry without TLS is not accepted")
	})

	for _, b := range []*stackBackend{r.acme, r.shared, r.oneuptime} {
		for _, marker := range b.markers() {
			assert.NotRegexp(t, "other|no-key|grpc-ui|unbound|large", marker)
			assert.Equal(t, b == r.shared, strings.Contains(marker, "shared") || marker == "rec:rated", "%s is in the wrong backend", marker)
		}
	}
}
